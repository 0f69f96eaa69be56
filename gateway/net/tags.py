"""What a server says about the version of a file (ETag, Last-Modified), and whether two such words agree. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX_TAG = 512  # characters; a longer word is none


@dataclass(frozen=True, slots=True)
class Tag:
    """A version of a file as its server names it; without either word nothing can be compared."""

    etag: str = ""
    last_modified: str = ""

    @property
    def says_something(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self.etag or self.last_modified)

    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the file only if it is another one by now."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": "" if self.etag else self.last_modified}
        return {name: value for name, value in named.items() if value}

    def agrees(self, other: Tag) -> bool:
        """Whether both surely name one version: by ETag where both have one, else by date."""
        if self.etag and other.etag:
            return self.etag.removeprefix("W/") == other.etag.removeprefix("W/")
        return bool(self.last_modified) and self.last_modified == other.last_modified


def tag_of(headers: Mapping[str, str]) -> Tag:
    """Read the tag of an answer (`headers` found whatever their case); a word that no header can hold is none."""
    return Tag(_word(headers.get("etag", "")), _word(headers.get("last-modified", "")))


def _word(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_TAG and text.isascii() and text.isprintable() else ""
