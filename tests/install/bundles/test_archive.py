"""The structure of zip files: what is sound is read, every way to hide or to lie is refused with its reason."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import InstallError
from gateway.install.bundles.archive import Directory, read_directory
from tests.install.bundles.raw import Member, signature, streamed, zip_of

ONE, TWO = Member(b"manifest.json", b"{}"), Member(b"server/index.js", b"run()" * 50)
SOUND = zip_of([ONE, TWO])
EMPTY_END = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)


def read(data: bytes) -> Directory:
    return read_directory(io.BytesIO(data), max_entries=10)


def test_a_sound_file_is_read_as_it_is() -> None:
    entries = read(SOUND).entries
    assert [(entry.name, entry.size) for entry in entries] == [("manifest.json", 2), ("server/index.js", 250)]
    assert SOUND[entries[1].data :].startswith(TWO.packed)


def test_the_standard_librarys_own_files_are_sound() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("naïve.txt", "é")
        archive.writestr("folder/", "")
    assert [entry.name for entry in read(buffer.getvalue()).entries] == ["naïve.txt", "folder/"]


def test_entries_written_as_a_stream_and_a_comment_are_sound() -> None:
    assert len(read(zip_of([streamed(ONE), TWO], comment=b"made by hand")).entries) == 2


def test_a_signed_bundle_is_sound_and_known_to_be_signed() -> None:
    assert (read(SOUND).is_signed, read(SOUND + signature()).is_signed) == (False, True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no directory"),
        (b"PK", "no directory"),
        (b"#!/bin/sh\necho no zip at all", "no directory"),
        (SOUND[:-4], "no directory|follows the end"),
        (SOUND + b"trailing", "follows the end"),
        (SOUND + EMPTY_END, "not where it says"),
        (SOUND + SOUND, "not where it says"),
        (SOUND + signature(said=99), "another length"),
        (SOUND + signature() + signature(), "follows the end"),
        (SOUND + b"MCPB_SIG_END", "no beginning"),
        (b"#!/bin/sh\n" + SOUND, "not where it says"),
        (zip_of([ONE], before=b"#!/bin/sh\n"), "10 bytes at 0 belong to no entry"),
        (zip_of([ONE], hidden=b"hidden"), "6 bytes at .* belong to no entry"),
        (zip_of([replace(ONE, after=b"hidden"), TWO]), "6 bytes at .* belong to no entry"),
        (zip_of([replace(ONE, after=b"twelve bytes"), TWO]), "12 bytes at .* belong to no entry"),
        (zip_of([ONE, TWO], count=1, here=1), "more entries than it says"),
        (zip_of([ONE, TWO], count=3, here=3), "cut off"),
        (zip_of([ONE, TWO], count=1), "was split"),
        (zip_of([ONE, TWO], disk=1), "was split"),
        (zip_of([ONE] * 11), "11 entries, more than 10"),
        (zip_of([ONE], count=0xFFFF, here=0xFFFF), "zip64"),
        (zip_of([ONE], start=0xFFFFFFFF), "zip64"),
        (zip_of([ONE], length=0xFFFFFFFF), "zip64"),
        (zip_of([ONE])[:-22] + b"PK\6\7" + bytes(16) + zip_of([ONE])[-22:], "zip64"),
        (zip_of([replace(ONE, size=0xFFFFFFFF)]), "zip64"),
        (zip_of([replace(ONE, extra=struct.pack("<2HQ", 1, 8, 5))]), "zip64"),
        (zip_of([replace(ONE, local_extra=struct.pack("<2HQ", 1, 8, 5))]), "zip64"),
        (zip_of([replace(ONE, extra=struct.pack("<2H", 0x000D, 0))]), "hide a link"),
        (zip_of([replace(ONE, extra=struct.pack("<2H", 0x756E, 0))]), "hide a link"),
        (zip_of([replace(ONE, extra=struct.pack("<2H", 0x7075, 0))]), "two names"),
        (zip_of([replace(ONE, extra=struct.pack("<2H", 0x9901, 0))]), "encrypted"),
        (zip_of([replace(ONE, extra=struct.pack("<2H", 0x5455, 90))]), "malformed extra"),
        (zip_of([replace(ONE, flags=1)]), "encrypted"),
        (zip_of([replace(ONE, flags=0x40)]), "encrypted"),
        (zip_of([replace(ONE, flags=0x2000)]), "encrypted"),
        (zip_of([replace(ONE, flags=0x20)]), "not supported"),
        (zip_of([replace(ONE, method=9)]), "method 9, which is not supported"),
        (zip_of([replace(ONE, method=12)]), "method 12, which is not supported"),
        (zip_of([replace(ONE, method=0, size=3)]), "claims two sizes"),
        (zip_of([replace(ONE, local_name=b"manifest.jsoX")]), "otherwise where it begins"),
        (zip_of([replace(ONE, local_size=3)]), "other sizes where it begins"),
        (zip_of([replace(ONE, offset=5)]), "not where the directory says"),
        (zip_of([replace(ONE, offset=10_000)]), "not where the directory says"),
        (zip_of([ONE, replace(ONE, offset=0)]), "share their bytes"),
        (zip_of([Member(b"\xff\xfe")]), "unknown encoding"),
        (zip_of([Member("é".encode())]), "unknown encoding"),
        (zip_of([Member(b"\xc3", flags=0x800)]), "unknown encoding"),
    ],
)
def test_whatever_hides_or_lies_is_refused_with_its_reason(data: bytes, says: str) -> None:
    with pytest.raises(InstallError, match=says) as caught:
        read(data)
    assert (caught.value.step, bool(caught.value.fix)) == ("unpack", True)


def test_entries_that_quote_each_others_headers_are_a_bomb() -> None:
    # The first entry's stored bytes are the second entry, header and all: both inflate the same kernel.
    kernel = Member(b"b", b"\0" * 1000)
    quoting = Member(b"a", kernel.local(), method=0)
    inner = 30 + len(quoting.name)
    with pytest.raises(InstallError, match="share their bytes"):
        read(zip_of([quoting, replace(kernel, offset=inner)]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_file_with_any_bytes_changed_is_read_or_refused_and_nothing_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SOUND)
    for place, value in changes:
        data[place] = value
    fixes, ends = [], [0]
    try:
        ends += [entry.data + entry.packed for entry in read(bytes(data)).entries]
    except InstallError as refusal:
        fixes.append(refusal.fix)
    assert all(fixes)
    assert max(ends) <= len(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InstallError):
        read(data + b"\1")
