"""When a walk over pages ends: never by what the registry counts alone, because its totals may be wrong. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

STALE_PAGES = 2  # pages in a row without anything new: the same ones come again


class Walk:
    """One walk. It ends at an empty page, when nothing new comes, at a last page that says so, or at `most` pages."""

    def __init__(self, *, asked_size: int, most_pages: int) -> None:
        self._asked_size = asked_size
        self._most_pages = most_pages
        self._seen: set[str] = set()
        self._stale = 0
        self.number = 1  # of the page to ask for next
        self.is_over = False

    def fresh(self, names: Iterable[str]) -> list[bool]:
        """Say for each name of a page whether it is new, and remember it."""
        news = []
        for name in names:
            key = name.casefold()
            news.append(key not in self._seen)
            self._seen.add(key)
        return news

    def turn(self, *, entries: int, brought_new: bool, page_size: int | None, total_pages: int | None) -> None:
        """Note a page as it came (malformed entries counted in), and go on to the next or end.

        A full page is never believed to be the last one, whatever the count says: one more request finds out.
        """
        self._stale = 0 if brought_new else self._stale + 1
        size = min(self._asked_size, page_size) if page_size else self._asked_size
        says_last = total_pages is not None and 0 < total_pages <= self.number
        is_short = entries < size
        if entries == 0 or (says_last and is_short) or self._stale >= STALE_PAGES or self.number >= self._most_pages:
            self.is_over = True
        self.number += 1
