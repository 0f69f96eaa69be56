"""Content-addressed folders: atomic, idempotent, with a way back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import InstallError
from gateway.install.content import ContentStore, Receipt
from gateway.model import ServerName

NAME = ServerName("notes")
A, B, C = "a" * 64, "b" * 64, "c" * 64


def put(store: ContentStore, digest: str, reference: str = "npm:x@1.0.0") -> Path:
    with store.work_folder() as work:
        made = work / "made"
        made.mkdir()
        (made / "file").write_text(digest)
        return store.keep(made, digest, Receipt(reference, "1.0.0", "file"))


def current(store: ContentStore) -> str:
    return (store.servers / NAME / "file").read_text()


def test_a_finished_folder_gets_its_name_and_its_receipt_is_found_again(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    assert (put(store, A) / "file").read_text() == A
    assert store.find("npm:x@1.0.0") == (A, Receipt("npm:x@1.0.0", "1.0.0", "file"))
    assert store.find("npm:x@2.0.0") is None


def test_keeping_the_same_content_twice_is_nothing_new(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    (put(store, A) / "mark").touch()
    assert (put(store, A) / "mark").exists()


def test_the_same_content_made_by_many_at_once_is_whole_for_all(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    together = threading.Barrier(8)

    def one(_: int) -> str:
        together.wait(timeout=10)
        return (put(store, A) / "file").read_text()

    for _ in range(20):
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(one, range(8))) == {A}
        store.collect([])


def test_a_folder_without_a_receipt_is_replaced(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    store.prepare()
    (store.content / A).mkdir()
    (store.content / A / "half").touch()
    assert sorted(path.name for path in put(store, A).iterdir()) == ["file", "receipt.json"]


def test_work_is_thrown_away_when_it_fails(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)

    def fail() -> None:
        with store.work_folder() as work:
            (work / "x").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(store.content.iterdir()) == []


def test_a_disk_that_does_not_take_it_is_an_install_error(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    with store.work_folder() as work, pytest.raises(InstallError, match="could not be kept"):
        store.keep(work / "missing", A, Receipt("r", "1"))


def test_a_link_shows_the_content_in_use(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    for digest in (A, B, B):
        put(store, digest)
        store.point(NAME, digest)
        assert current(store) == digest


def test_a_server_without_files_has_no_link(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    put(store, A)
    store.point(NAME, A)
    store.point(NAME, None)
    assert not (store.servers / NAME).is_symlink()


def test_whole_content_is_told_from_half(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    put(store, A)
    (store.content / B).mkdir()
    assert [store.has_files(digest) for digest in (A, B, None)] == [True, False, True]


def test_collecting_deletes_what_nobody_names_and_tells_what_that_freed(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    for digest in (A, B, C):
        put(store, digest)
    (store.content / C / "large").write_bytes(b"x" * 100_000)
    store.point(NAME, A)
    (store.content / ".work-left").mkdir()
    collected = store.collect([B])
    assert sorted(collected.names) == [".work-left", C]
    assert 100_000 <= collected.freed_bytes < 200_000
    assert sorted(path.name for path in store.content.iterdir()) == [A, B]


def test_a_file_that_has_another_name_elsewhere_frees_nothing(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    cached = tmp_path / "cached"
    cached.write_bytes(b"x" * 1_000_000)
    (put(store, A) / "linked").hardlink_to(cached)
    assert store.collect([]).freed_bytes < 100_000


def test_a_forgotten_server_keeps_its_data_unless_told_otherwise(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    put(store, A)
    store.point(NAME, A)
    home = store.private_folder(NAME, ["files"])
    (home / "files/notes").touch()
    store.forget(NAME, data=False)
    assert (list(store.servers.iterdir()), (home / "files").is_dir()) == ([], True)
    store.forget(NAME, data=True)
    assert not home.exists()
    assert store.collect([]).names == (A,)


def test_what_interrupted_installations_left_is_pruned_but_nobodys_data(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    put(store, A)
    store.point(NAME, A)
    store.point(ServerName("half"), A)
    (store.servers / ".half.new").symlink_to("nowhere")
    for name in (NAME, "half", "full"):
        store.private_folder(ServerName(name), ["files"])
    (store.data / "full/files/notes").touch()
    store.prune({NAME})
    assert [path.name for path in store.servers.iterdir()] == [NAME]
    assert sorted(path.name for path in store.data.iterdir()) == ["full", NAME]


def test_a_private_folder_is_private(tmp_path: Path) -> None:
    home = ContentStore(tmp_path).private_folder(NAME, ["files"])
    assert [path.stat().st_mode & 0o777 for path in (home, home / "tmp", home / "files")] == [0o700] * 3
