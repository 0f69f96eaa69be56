"""Blots secrets out of what a child printed, in the forms in which programs print them by accident. No I/O.

Not a wall: a server that wants to tell its secret can spell it in a thousand ways.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

SHORTEST_SECRET: Final = 4
"""Shorter values are not blotted out: they would blot out half the log."""

SHORTEST_PART: Final = 8
"""Of a line or another spelling of a value; shorter ones are words that stand everywhere."""

SHORTEST_LEAF: Final = 20
"""Of a text inside a JSON value: `service_account` is no secret, a key is longer."""

MOST_PARTS: Final = 2000
WRAPS: Final = (64, 76)
"""Where encoders break lines of base64: PEM, and MIME like the command `base64`."""

BLOT: Final = "***"


def blotter(secrets: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that blots the secrets' values, their lines and other spellings out of one line of text."""
    spellings = {form for value in secrets.values() if len(value) >= SHORTEST_SECRET for form in _forms(value)}
    forms = tuple(sorted(spellings, key=lambda form: (-len(form), form)))

    def blot(text: str) -> str:
        # One search after the other: each runs at the memory's speed, an alternation of all would try all everywhere.
        for form in forms:
            if form in text:
                text = text.replace(form, BLOT)
        return text

    return blot


def _forms(value: str) -> Iterator[str]:
    yield value
    parts = [value, *_leaves(value)]
    lines = [line.strip() for part in parts for line in part.splitlines()[:MOST_PARTS]]
    spelled = [spelling for line in lines for spelling in (line, *_escaped(line))]
    encoded = [spelling for part in parts for text in {part, part.strip()} for spelling in _encoded(text)]
    yield from (form for form in (*spelled, *encoded) if len(form) >= SHORTEST_PART)


def _leaves(value: str) -> Iterator[str]:
    """The long texts inside a value that is JSON; addresses are no secrets."""
    if not value.lstrip().startswith(("{", "[")):
        return
    try:
        rest: list[Any] = [json.loads(value)]
    except (ValueError, RecursionError):
        return
    while rest:
        item = rest.pop()
        if isinstance(item, dict | list):
            rest += item.values() if isinstance(item, dict) else item
        elif isinstance(item, str) and len(item) >= SHORTEST_LEAF and not item.startswith(("https://", "http://")):
            yield item


def _escaped(line: str) -> Iterator[str]:
    """As it stands in JSON, and in a URL."""
    yield json.dumps(line)[1:-1]
    yield json.dumps(line, ensure_ascii=False)[1:-1]
    yield quote(line, safe="", errors="replace")


def _encoded(text: str) -> Iterator[str]:
    """In base64: wherever in a longer text it stands, and broken into lines where it stands alone."""
    data = text.encode(errors="surrogateescape")
    if len(data) < SHORTEST_PART:
        return
    for before in range(3):
        # What shares a character with the bytes before or after depends on those.
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + data).decode()[first:last]
    alone = base64.b64encode(data).decode()
    for wrap in WRAPS:
        yield from (alone[start : start + wrap] for start in range(0, min(len(alone), wrap * MOST_PARTS), wrap))
