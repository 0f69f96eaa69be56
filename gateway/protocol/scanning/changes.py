"""What changed between two definitions, member by member, readable by a person. No I/O.

Texts are compared line by line, schemas and annotations path by path; characters that nobody sees are spelled out.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.protocol.scanning.hidden import made_visible

TEXTS = ("title", "description", "instructions")
WIDTH = 100  # texts without line breaks are folded, so that a diff shows the sentence and not the page
MAX_VALUE = 400
_ABSENT = object()


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """Lines such as `description:`, `  - old`, `  + new` and `inputSchema.properties.note: added {…}`."""
    old = before or {}
    lines: list[str] = []
    for member in dict.fromkeys([*old, *after]):
        was, is_ = old.get(member, _ABSENT), after.get(member, _ABSENT)
        if was == is_:
            continue
        if member in TEXTS and all(isinstance(value, str) or value is _ABSENT for value in (was, is_)):
            lines += [f"{member}:", *_of_texts(_text(was), _text(is_))]
        else:
            lines += _of_values(member, was, is_)
    return lines


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _of_texts(before: str, after: str) -> Iterator[str]:
    compared = difflib.unified_diff(_folded(before), _folded(after), lineterm="", n=1)
    for line in list(compared)[2:]:
        yield f"  {line}" if line.startswith("@@") else f"  {line[0]} {line[1:]}"


def _folded(text: str) -> list[str]:
    visible = [made_visible(line) for line in text.splitlines()]
    return [piece for line in visible for piece in (textwrap.wrap(line, WIDTH) or [""])]


def _of_values(path: str, before: object, after: object) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            was, is_ = before.get(key, _ABSENT), after.get(key, _ABSENT)
            if was != is_:
                yield from _of_values(f"{path}.{made_visible(str(key))}", was, is_)
    elif before is _ABSENT:
        yield f"{path}: added {_shown(after)}"
    elif after is _ABSENT:
        yield f"{path}: removed {_shown(before)}"
    else:
        yield f"{path}: {_shown(before)} -> {_shown(after)}"


def _shown(value: object) -> str:
    text = made_visible(json.dumps(value, ensure_ascii=False, sort_keys=True))
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + f"… ({len(text)} characters)"
