"""What entries may be, beyond the attacks of test_extractor: the borders."""

from __future__ import annotations

import stat
from typing import Any

import pytest

from gateway.errors import InstallError
from gateway.install.bundles.archive import DEFLATED, Entry
from gateway.install.bundles.entries import Caps, check_entries


def entry(name: str, **changes: Any) -> Entry:
    usual: dict[str, Any] = {
        "mode": 0, "is_dos_folder": False, "method": DEFLATED, "flags": 0, "size": 1, "packed": 3, "crc": 0,
        "offset": 0, "data": 0,
    }  # fmt: skip
    return Entry(name=name, **(usual | changes))


@pytest.mark.parametrize(
    "good",
    [
        entry("a/b/c.txt"),
        entry("x" * 255),
        entry("/".join(["y" * 99] * 5)),
        entry("folder/", size=0, mode=stat.S_IFDIR | 0o755, is_dos_folder=True),
        entry("folder/", size=0),
        entry("zeros", size=65_536, packed=70),
        entry("large", size=100_000, packed=1000),
        entry("console.log"),
        entry(".hidden"),
        entry("ünï/日本.txt", mode=stat.S_IFREG | 0o755),
    ],
    ids=lambda good: good.name[:20],
)
def test_an_ordinary_entry_is_fine(good: Entry) -> None:
    check_entries([good], Caps())
    assert good.is_folder == good.name.endswith("/")


@pytest.mark.parametrize(
    "bad",
    [
        entry("x" * 256),
        entry("/".join(["y" * 99] * 5) + "/zz"),
        entry("zeros", size=65_537, packed=70),
        entry("large", size=100_001, packed=1000),
        entry("nul"),
        entry("a\u200bb"),
    ],
    ids=lambda bad: bad.name[:20],
)
def test_an_entry_beyond_a_border_is_not(bad: Entry) -> None:
    with pytest.raises(InstallError):
        check_entries([bad], Caps())


def test_the_total_is_counted_over_all_entries() -> None:
    check_entries([entry("a", size=50), entry("b", size=50)], Caps(total_bytes=100))
    with pytest.raises(InstallError, match="101 bytes, more than 100"):
        check_entries([entry("a", size=50), entry("b", size=51)], Caps(total_bytes=100))
