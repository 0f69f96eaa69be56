"""What a configuration's parser lets through and no setting can be; looked for before others read it. No I/O."""

from __future__ import annotations

import re
from typing import Any, Final

from gateway.errors import Problem

DEEP: Final = "is nested too deeply"
MOST_LEVELS: Final = 64  # and parts of one key
LARGEST: Final = 2**63 - 1
"""TOML's whole numbers have 64 bits; larger ones can be neither computed with nor printed."""

MOST_TOLD: Final = 20


# Python's parser needs memory by the square of a key's parts: half a million of them, and the machine has none left.
_DOTTED = re.compile(r"""(?<![\w-]) (?: (?: [\w-]++ | "[^"\n]*+" | '[^'\n]*+' ) [ \t]*+ \. [ \t]*+ ){64}""", re.VERBOSE)


def is_dotted_without_end(text: str) -> bool:
    """Whether a key has more parts than anything here is deep; asked before the text is parsed."""
    return _DOTTED.search(text) is not None


def unfit_values(value: Any) -> list[Problem]:
    """Name the values (at most twenty) that are too large, too deep, or that no program can be given."""
    problems: list[Problem] = []
    rest: list[tuple[str, int, Any]] = [("", 0, value)]
    while rest and len(problems) < MOST_TOLD:
        path, level, item = rest.pop()
        if level > MOST_LEVELS:
            problems.append(Problem(path.split(".")[0].split("[")[0] or "config", DEEP))
            break
        if isinstance(item, dict):
            problems += [Problem(path or "config", f"has a key {_NUL}") for key in item if "\0" in key][:1]
            rest += [(f"{path}.{key}" if path else key, level + 1, inner) for key, inner in item.items()]
        elif isinstance(item, list):
            rest += [(f"{path}[{index}]", level + 1, inner) for index, inner in enumerate(item)]
        elif isinstance(item, int) and abs(item) > LARGEST:
            problems.append(Problem(path, "is larger than any number here may be"))
        elif isinstance(item, str) and "\0" in item:
            problems.append(Problem(path, f"has {_NUL[5:]}"))
    return problems


_NUL: Final = "with a NUL character in it, which no program can be given"
