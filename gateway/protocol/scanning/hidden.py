"""Characters that a person does not see and a model reads: tags, zero width, direction marks, variation selectors.

Their honest uses (emoji, joiners inside scripts that need them) are not reported. No I/O.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_TAGS = range(0xE0000, 0xE0080)
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x180B, 0x180C, 0x180D)
_JOINERS = {0x200C, 0x200D}
_EMOJI_STYLE = {0xFE0E, 0xFE0F}
_KEYCAP_BASES = set("0123456789#*")
_INVISIBLE = {
    0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C,
    0x202D, 0x202E, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x2066, 0x2067, 0x2068, 0x2069, 0x206A, 0x206B, 0x206C,
    0x206D, 0x206E, 0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFA, 0xFFFB,
}  # fmt: skip
_LAYOUT = "\t\n\r"


def hidden_positions(text: str) -> list[int]:
    """Where in `text` characters stand that nobody sees and that have no honest reason to be there."""
    if text.isascii() and text.isprintable():
        return []
    return [index for index, char in enumerate(text) if _is_hidden(text, index, ord(char))]


def _is_hidden(text: str, index: int, code: int) -> bool:
    if code in _TAGS or code in _INVISIBLE:
        return not _is_flag(text, index, code)
    if code in _JOINERS:
        return not _joins(text, index)
    if code in _EMOJI_STYLE:
        return not _follows_symbol(text, index)
    if code in _SELECTORS:
        return True
    return unicodedata.category(text[index]) in {"Cc", "Cs", "Co"} and text[index] not in _LAYOUT


def _is_flag(text: str, index: int, code: int) -> bool:
    """England, Scotland and Wales: a black flag followed by at most six tags."""
    return code in _TAGS and "\U0001f3f4" in text[max(0, index - 7) : index]


def _joins(text: str, index: int) -> bool:
    """A joiner between emoji, or between letters of a script that is not ASCII."""
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if not before or not after:
        return False
    return _is_symbol(before) or (not before.isascii() and unicodedata.category(before)[0] in "LM")


def _follows_symbol(text: str, index: int) -> bool:
    before = text[index - 1 : index]
    return bool(before) and (_is_symbol(before) or before in _KEYCAP_BASES)


def _is_symbol(char: str) -> bool:
    return unicodedata.category(char) in {"So", "Sk", "Sm", "Po"} or ord(char) in _EMOJI_STYLE


def made_visible(text: str) -> str:
    """Spell every character that cannot be seen as `<U+200B>`, and a run of tags as the text that it hides."""
    return "".join(_spelled(text))


def _spelled(text: str) -> Iterator[str]:
    hidden = set(hidden_positions(text))
    tags: list[str] = []
    for index, char in enumerate(text):
        if index in hidden and 0x20 <= ord(char) - 0xE0000 < 0x7F:
            tags.append(chr(ord(char) - 0xE0000))
            continue
        if tags:
            yield f"<hidden: {''.join(tags)}>"
            tags.clear()
        yield f"<U+{ord(char):04X}>" if index in hidden else char
    if tags:
        yield f"<hidden: {''.join(tags)}>"
