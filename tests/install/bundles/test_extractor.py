"""Zip attacks, each refused by name; ordinary bundles unpacked."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path

import pytest

from gateway.errors import InstallError
from gateway.install.bundles.entries import Caps
from gateway.install.bundles.extractor import extract, inspect
from tests.install.bundles.raw import Member, put, signature, zip_of
from tests.install.zips import EXE, REG, member, write_zip

USUAL = Caps()


def refuse(archive: Path, tmp_path: Path, says: str, caps: Caps = USUAL) -> None:
    with pytest.raises(InstallError, match=says) as caught:
        extract(archive, tmp_path / "out", caps)
    assert (caught.value.step, bool(caught.value.fix)) == ("unpack", True)
    assert not (tmp_path / "evil.txt").exists()


def test_an_ordinary_bundle_is_unpacked_with_its_executables(tmp_path: Path) -> None:
    archive = write_zip(
        tmp_path / "b.zip",
        {"manifest.json": "{}", "server/": b"", "server/index.js": "1", "bin/run": "#!", "deep/er/x": "y"},
        {"bin/run": EXE, "server/": stat.S_IFDIR | 0o755},
    )
    extract(archive, tmp_path / "out")
    assert (tmp_path / "out/server/index.js").read_text() == "1"
    assert (tmp_path / "out/bin/run").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "out/deep/er/x").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/evil.txt", "absolute"),
        ("//evil.txt", "absolute"),
        ("../evil.txt", "climbs out"),
        ("a/../../evil.txt", "climbs out"),
        ("a/./b", "climbs out"),
        ("..", "climbs out"),
        ("a\\..\\evil.txt", "backslash"),
        ("\\evil.txt", "backslash"),
        ("C:/evil.txt", "drive"),
        ("C:evil.txt", "drive"),
        ("file.txt:stream", "drive or a stream"),
        ("a//b", "empty part"),
        ("a\nb", "control or invisible"),
        ("a\x1b[31mb", "control or invisible"),
        ("con", "something else"),
        ("NUL.txt", "something else"),
        ("a./b", "something else"),
        ("a /b", "something else"),
        ("\u202etxt.exe", "control or invisible"),
        ("com1.log", "something else"),
        ("x" * 501, "longer than 500"),
        ("é" * 128, "longer than 255 bytes"),
    ],
)
def test_a_bad_name_is_refused_and_never_repaired(tmp_path: Path, name: str, says: str) -> None:
    refuse(write_zip(tmp_path / "b.zip", {"ok.txt": "1", name: "evil"}), tmp_path, says)
    assert not (tmp_path / "out").exists()  # nothing is written before everything was looked at


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "b.zip", {"aXb.txt": "1"})
    archive.write_bytes(archive.read_bytes().replace(b"aXb.txt", b"a\0b.txt"))
    refuse(archive, tmp_path, "control or invisible")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (stat.S_IFLNK, "symbolic link"),
        (stat.S_IFCHR, "device"),
        (stat.S_IFBLK, "device"),
        (stat.S_IFIFO, "pipe"),
        (stat.S_IFSOCK, "socket"),
    ],
)
def test_only_files_and_folders_are_unpacked(tmp_path: Path, kind: int, says: str) -> None:
    refuse(write_zip(tmp_path / "b.zip", {"x": "/etc/passwd"}, {"x": kind | 0o777}), tmp_path, says)


@pytest.mark.parametrize("bit", [stat.S_ISUID, stat.S_ISGID])
def test_setuid_and_setgid_are_refused(tmp_path: Path, bit: int) -> None:
    refuse(write_zip(tmp_path / "b.zip", {"x": "1"}, {"x": EXE | bit}), tmp_path, "setuid")


@pytest.mark.parametrize(
    ("one", "other"), [("a.txt", "A.TXT"), ("a.txt", "a.txt"), ("straße", "STRASSE"), ("d/", "D"), ("é", "e\u0301")]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_meet_on_some_system_are_refused(tmp_path: Path, one: str, other: str) -> None:
    archive = tmp_path / "b.zip"
    with zipfile.ZipFile(archive, "w") as found:
        found.writestr(member(one, 0), "1" if not one.endswith("/") else "")
        found.writestr(member(other, 0), "2")
    refuse(archive, tmp_path, "two entries|file and a folder")


def test_a_name_that_is_file_and_folder_is_refused(tmp_path: Path) -> None:
    refuse(write_zip(tmp_path / "b.zip", {"a": "1", "a/b": "2"}), tmp_path, "both a file and a folder")


def test_a_folder_that_claims_to_be_a_file_is_refused(tmp_path: Path) -> None:
    refuse(write_zip(tmp_path / "b.zip", {"a/": "1"}, {"a/": REG}), tmp_path, "half a file")


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    refuse(write_zip(tmp_path / "b.zip", {str(i): "" for i in range(11)}), tmp_path, "11 entries", Caps(entries=10))


def test_too_large_a_bundle_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    refuse(
        write_zip(tmp_path / "b.zip", {"a": "x" * 60, "b": "y" * 60}), tmp_path, "more than 100", Caps(total_bytes=100)
    )
    assert not (tmp_path / "out").exists()


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "b.zip", {"zeros": b"\0" * 50_000_000})
    assert archive.stat().st_size < 60_000
    refuse(archive, tmp_path, "bomb")


def test_small_files_may_be_packed_well(tmp_path: Path) -> None:
    extract(write_zip(tmp_path / "b.zip", {"blank": " " * 60_000}), tmp_path / "out")
    assert (tmp_path / "out/blank").stat().st_size == 60_000


def test_a_bomb_that_lies_about_its_size_is_stopped_while_unpacking(tmp_path: Path) -> None:
    bomb = Member(b"zeros", b"\0" * 50_000_000, size=1000)
    refuse(put(tmp_path / "b.zip", zip_of([bomb])), tmp_path, "more than it says")
    assert (tmp_path / "out/zeros").stat().st_size <= 1000


def test_many_small_bombs_are_stopped_by_the_total(tmp_path: Path) -> None:
    many = {f"{number}.txt": "x" * 60_000 for number in range(20)}
    refuse(write_zip(tmp_path / "b.zip", many), tmp_path, "1200000 bytes, more than 1000000", Caps(total_bytes=10**6))


def test_a_member_that_is_shorter_than_it_says_is_refused(tmp_path: Path) -> None:
    refuse(put(tmp_path / "b.zip", zip_of([Member(b"a", b"12345", size=6)])), tmp_path, "not a sound zip")


def test_a_dos_folder_bit_on_a_file_is_refused(tmp_path: Path) -> None:
    refuse(put(tmp_path / "b.zip", zip_of([Member(b"a", dos=0x10)])), tmp_path, "half a file")


def test_a_folder_with_a_content_is_refused(tmp_path: Path) -> None:
    refuse(put(tmp_path / "b.zip", zip_of([Member(b"a/")])), tmp_path, "folder with a content")


def test_the_usual_caps_are_those_that_are_promised() -> None:
    caps = Caps()
    assert (caps.entries, caps.total_bytes, caps.ratio) == (10_000, 512 * 1024 * 1024, 100)


@pytest.mark.parametrize("damage", [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + b"\0" * 18 + b"junk"])
def test_what_is_no_zip_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(damage)
    with pytest.raises(InstallError):
        inspect(tmp_path / "b.zip", {})


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "b.zip", {"a": bytes(range(256)) * 40})
    data = bytearray(archive.read_bytes())
    data[60] ^= 0xFF
    archive.write_bytes(bytes(data))
    refuse(archive, tmp_path, "not a sound zip")


def test_members_are_read_up_to_their_caps_only(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "b.zip", {"manifest.json": "x" * 101})
    with pytest.raises(InstallError, match=r"manifest\.json is larger than 100"):
        inspect(archive, {"manifest.json": 100})
    assert inspect(archive, {"manifest.json": 101, "uv.lock": 5}).members == {"manifest.json": b"x" * 101}


def test_a_manifest_that_is_not_at_the_top_is_shown(tmp_path: Path) -> None:
    inspected = inspect(write_zip(tmp_path / "b.zip", {"x/manifest.json": "{}"}), {"manifest.json": 100})
    assert inspected.members == {}
    assert "(only 'x/manifest.json')" in str(inspected.without("manifest.json"))


def test_a_signature_is_noticed(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "b.zip", {"a": "1"})
    assert not inspect(archive, {}).is_signed
    archive.write_bytes(archive.read_bytes() + signature())
    assert inspect(archive, {}).is_signed


def test_a_broken_stream_is_not_mistaken_for_our_bug(tmp_path: Path) -> None:
    archive = tmp_path / "b.zip"
    with zipfile.ZipFile(archive, "w") as found:
        found.writestr(member("a"), "hello" * 100)
    data = archive.read_bytes()
    packed = zlib.compressobj(wbits=-15)
    stream = packed.compress(b"hello" * 100) + packed.flush()
    archive.write_bytes(data.replace(stream, b"\xff" * len(stream)))
    refuse(archive, tmp_path, "not a sound zip")
