"""Writes the generated pages; with --check, says which of them are stale and fails. `make docs` runs it.

A new page is one line in `PAGES`: where it goes, and the function that returns its text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from _pages import commands, failures, settings, states

ROOT = Path(__file__).parent.parent
NOTE = "<!-- Written by docs/generate.py; do not edit. -->\n"
PAGES: dict[str, Callable[[], str]] = {
    "config.example.toml": settings.example,
    "docs/reference/config.md": settings.reference,
    "docs/reference/states.md": states.reference,
    "docs/reference/errors.md": failures.reference,
    "docs/reference/cli.md": commands.reference,
}


def page(place: str) -> str:
    """The text of one page as it should stand."""
    text = PAGES[place]()
    return NOTE + text if place.endswith(".md") else text


def main(arguments: Sequence[str]) -> int:
    """Write (or check) all pages; returns the exit status."""
    stale = [place for place in PAGES if not is_fresh(place)]
    if "--check" in arguments:
        for place in stale:
            sys.stderr.write(f"{place} is stale; run `make docs`\n")
        return 1 if stale else 0
    for place in stale:
        target = ROOT / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(place), encoding="utf-8")
        sys.stdout.write(f"wrote {place}\n")
    return 0


def is_fresh(place: str) -> bool:
    """Does the file say what it should?"""
    target = ROOT / place
    return target.exists() and target.read_text(encoding="utf-8") == page(place)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
