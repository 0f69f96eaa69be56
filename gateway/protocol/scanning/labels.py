"""What a person should look at in a server's definitions before trusting it. Labels are told, nothing is blocked.

A definition is the JSON object of `tools/list` (or its pinned members); what a server says of itself is
`{"title", "instructions"}`. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.protocol.scanning.hidden import hidden_positions, made_visible
from gateway.protocol.scanning.names import mixes_alphabets, skeleton
from gateway.protocol.scanning.phrases import suspicious_phrases

MAX_LABELS = 20  # of one definition: more say nothing new
MAX_TEXTS = 2000
MAX_TEXT = 20_000  # characters of one text
MAX_DEPTH = 32
AROUND = 40
MEANING = {
    "hidden_unicode": "characters that a person does not see",
    "instruction_tag": "markup that passes for instructions to the model",
    "instruction_override": "tells the model to disregard instructions or to keep something from the user",
    "secret_access": "tells the model to read or pass on secrets",
    "cross_tool": "speaks about tools of other servers",
    "lookalike_name": "a name that looks like another one",
    "long_text": "more text than anybody reads",
}
"""Each kind of label and what it means."""

_READ_AS_TEXT = {"title", "description", "instructions", "default", "const", "enum", "examples", "$comment", "pattern"}


class Label(msgspec.Struct, frozen=True):
    """One finding. `tool` is None for what the server says of itself; `where` is the member's path."""

    kind: str
    tool: str | None
    where: str
    excerpt: str  # made visible: hidden characters are spelled out

    @property
    def sentence(self) -> str:
        """The finding for a person."""
        whose = f"tool {made_visible(self.tool)[:60]}" if self.tool is not None else "the server"
        return f"{whose}, {self.where}: {MEANING[self.kind]}: {self.excerpt}"


class Others:
    """The tools of the other servers: what a definition has no business to speak about."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self._looks = {skeleton(name): name for name in names}
        self._names = set(names)
        telling = sorted((name for name in self._names if _is_telling(name)), key=len, reverse=True)
        self._mention = (
            re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, telling))})(?![\w-])", re.ASCII) if telling else None
        )

    def mentioned(self, text: str, own: Collection[str]) -> re.Match[str] | None:
        """Return the first mention of a foreign tool that is not also one of the server's own."""
        if self._mention is None:
            return None
        return next((found for found in self._mention.finditer(text) if found[0] not in own), None)

    def resembled(self, name: str) -> str | None:
        """The foreign tool that `name` is taken for, though it is spelled differently."""
        found = self._looks.get(skeleton(name))
        return found if found is not None and name not in self._names else None


def _is_telling(name: str) -> bool:
    """Whether a name is no ordinary word, so that its mention means the tool."""
    return len(name) >= 6 and (("_" in name.strip("_")) or "-" in name or not (name.islower() or name.istitle()))


def scan(definition: Mapping[str, Any], own: Collection[str] = (), others: Others | None = None) -> list[Label]:
    """Label one tool's definition (or what a server says of itself, which has no `name`).

    `own` are the names of the server's own tools, which it may speak about.
    """
    others = others or Others()
    name = definition.get("name")
    tool = name if isinstance(name, str) else None
    found: list[Label] = []
    for where, text in _texts(definition):
        found += _of_text(tool, where, text, own, others)
    if tool is not None:
        found += _of_name(tool, others)
    return found[:MAX_LABELS]


def scan_server(definitions: Iterable[Mapping[str, Any]], others: Others | None = None) -> list[Label]:
    """Label all definitions of one server: its tools, and what it says of itself."""
    known = [*definitions]
    own = {str(definition["name"]) for definition in known if "name" in definition}
    return [label for definition in known for label in scan(definition, own, others)]


def _of_text(tool: str | None, where: str, text: str, own: Collection[str], others: Others) -> Iterator[Label]:
    if len(text) > MAX_TEXT:
        yield Label("long_text", tool, where, f"{len(text)} characters; only the first {MAX_TEXT} were looked at")
        text = text[:MAX_TEXT]
    hidden = hidden_positions(text)
    if hidden:
        yield Label("hidden_unicode", tool, where, _excerpt(text, hidden[0], min(hidden[-1] + 1, hidden[0] + 200)))
    plain = text if not hidden else "".join(char for index, char in enumerate(text) if index not in set(hidden))
    for kind, start, end in suspicious_phrases(plain):
        yield Label(kind, tool, where, _excerpt(plain, start, end))
    if where != "name" and (mention := others.mentioned(plain, own)) is not None:
        yield Label("cross_tool", tool, where, _excerpt(plain, mention.start(), mention.end()))


def _of_name(tool: str, others: Others) -> Iterator[Label]:
    resembled = others.resembled(tool)
    if resembled is not None:
        yield Label("lookalike_name", tool, "name", f"{tool!a} looks like {resembled}"[:200])
    elif mixes_alphabets(tool):
        yield Label("lookalike_name", tool, "name", f"{tool!a} mixes alphabets, to be read as {skeleton(tool)}"[:200])


def _texts(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of a definition with its path, names of properties included."""
    count = 0
    stack: list[tuple[str, Any, int]] = [("", definition, 0)]
    while stack and count < MAX_TEXTS:
        where, value, depth = stack.pop()
        if isinstance(value, str):
            count += 1
            yield where or "text", value
        elif depth < MAX_DEPTH and isinstance(value, Mapping):
            for key, inner in reversed([*value.items()]):
                if not str(key).isascii():
                    yield f"{where}.{ascii(key)[1:-1]} (a name)".lstrip("."), str(key)
                stack.append((f"{where}.{ascii(str(key))[1:-1]}".lstrip("."), inner, depth + 1))
        elif depth < MAX_DEPTH and isinstance(value, list):
            stack += [(f"{where}[{index}]", inner, depth + 1) for index, inner in reversed([*enumerate(value)])]


def _excerpt(text: str, start: int, end: int) -> str:
    piece = text[max(0, start - AROUND) : min(end, start + 240) + AROUND]
    return " ".join(made_visible(piece).split())[:400]
