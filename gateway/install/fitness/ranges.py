"""Is a program's version inside the range that somebody asks for? npm's grammar and PEP 440's. No I/O."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import NamedTuple

Version = tuple[int, int, int]
MAX_RANGE_CHARS = 200

_PART = r"(?:\d{1,9}|[xX*])"
_NUMBERS = rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?"
_NPM = re.compile(rf"(?P<op>\^|~>|~|>=|<=|>|<|=|)\s*{_NUMBERS}(?P<pre>-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_PEP440 = re.compile(rf"(?P<op>~=|===|==|!=|>=|<=|>|<)\s*{_NUMBERS}", re.ASCII)
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")
_SPACE_AFTER_OPERATOR = re.compile(r"(\^|~>|~=|~|[<>=!]=*)\s+")


class _Part(NamedTuple):
    """One comparator: its operator, its numbers as far as they are given, and whether it names a pre-release."""

    op: str
    numbers: tuple[int, ...]
    prerelease: bool
    wild: bool  # it ends in .* or .x

    @property
    def low(self) -> Version:
        padded = (*self.numbers, 0, 0, 0)
        return padded[0], padded[1], padded[2]

    def above(self, position: int) -> Version:
        """The first version that differs from ours at `position` (0 = major) upwards."""
        low = self.low
        return (low[0] + 1, 0, 0) if position == 0 else (low[0], low[1] + 1, 0) if position == 1 else _after(low)


def satisfies(version: Version, wanted: str, *, python: bool = False) -> bool | None:
    """Whether a released version lies in a range such as `>=18`, `^18 || 20.x`, `1.2 - 1.4` or (python) `>=3.10,<4`.

    None when the range cannot be read.
    """
    text = wanted.strip()
    if len(text) > MAX_RANGE_CHARS:
        return None
    if python:
        return _in_pep440(version, text)
    answers = [_in_npm(version, alternative.strip()) for alternative in text.split("||")]
    return None if None in answers else any(answers)


def _in_npm(version: Version, text: str) -> bool | None:
    if text in {"", "*", "x", "X", "latest"}:
        return True
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen is not None:
        text = f">={hyphen[1]} <={hyphen[2]}"
    answers = []
    for word in _SPACE_AFTER_OPERATOR.sub(r"\1", text).replace(",", " ").split():
        part = _read(_NPM, word)
        if part is None:
            return None
        answers.append(_npm_holds(version, part))
    return all(answers)


def _in_pep440(version: Version, text: str) -> bool | None:
    answers = []
    for word in _SPACE_AFTER_OPERATOR.sub(r"\1", text).replace(",", " ").split():
        part = _read(_PEP440, word)
        if part is None:
            return None
        answers.append(_pep440_holds(version, part))
    return all(answers)


def _read(grammar: re.Pattern[str], word: str) -> _Part | None:
    match = grammar.fullmatch(word)
    if match is None:
        return None
    found = [match[name] for name in ("major", "minor", "patch")]
    # What stands behind an x says nothing.
    numbers = [int(text) for text in takewhile(lambda text: text is not None and text.isdigit(), found)]
    wild = any(text is not None and not text.isdigit() for text in found)
    return _Part(match["op"], tuple(numbers), bool(match.groupdict().get("pre")), wild)


def _npm_holds(version: Version, part: _Part) -> bool:
    given = len(part.numbers)
    low = part.low
    if given == 0:  # a bare x
        return part.op not in {">", "<"}
    end = part.above(given - 1)
    match part.op:
        case ">=":
            return version >= low
        case ">":
            return version >= (low if part.prerelease else end)
        case "<":
            return version < low
        case "<=":
            return version < (low if part.prerelease else end)
        case "^":
            first = next((at for at, number in enumerate(part.numbers) if number), given - 1)
            return low <= version < part.above(first)
        case "~" | "~>":
            return low <= version < part.above(0 if given == 1 else 1)
    # Equal; a pre-release itself is never what a program's version names.
    return not part.prerelease and low <= version < end


def _pep440_holds(version: Version, part: _Part) -> bool:
    given = len(part.numbers)
    low = part.low
    if part.wild:
        inside = given > 0 and low <= version < part.above(given - 1)
        return {"==": inside, "!=": not inside}.get(part.op, False)
    match part.op:
        case ">=":
            return version >= low
        case ">":
            return version > low
        case "<":
            return version < low
        case "<=":
            return version <= low
        case "~=":
            return given >= 2 and low <= version < part.above(given - 2)
        case "!=":
            return version != low
    return version == low


def _after(version: Version) -> Version:
    return version[0], version[1], version[2] + 1
