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


def test_a_switch_keeps_the_one_before_and_can_be_swapped_back_and_forth(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    for digest in (A, B):
        put(store, digest)
        store.switch(NAME, digest, digest.encode())
    assert current(store) == B
    assert (store.swap(NAME), current(store)) == (A.encode(), A)
    assert (store.swap(NAME), current(store)) == (B.encode(), B)


def test_the_first_installation_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    put(store, A)
    store.switch(NAME, A, b"a")
    assert store.swap(NAME) is None


def test_the_same_switch_again_does_not_forget_the_one_before(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    for digest in (A, B, B):
        put(store, digest)
        store.switch(NAME, digest, digest.encode())
    assert store.swap(NAME) == A.encode()


def test_a_switch_that_was_cut_short_is_finished_by_the_next(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    for digest in (A, B):
        put(store, digest)
    store.switch(NAME, A, b"a")
    (store.servers / f"{NAME}.json").write_bytes(b"b")  # killed between record and link
    assert current(store) == A
    store.switch(NAME, B, b"b")
    assert current(store) == B


def test_a_remote_server_has_a_record_and_no_link(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    put(store, A)
    store.switch(NAME, A, b"a")
    store.switch(NAME, None, b"remote")
    assert not (store.servers / NAME).exists()
    assert store.swap(NAME) == b"a"
    assert current(store) == A


def test_collecting_deletes_what_nobody_names(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    for digest in (A, B, C):
        put(store, digest)
    store.switch(NAME, A, b"a")
    (store.content / ".work-left").mkdir()
    assert sorted(store.collect([B])) == [".work-left", C]
    assert sorted(path.name for path in store.content.iterdir()) == [A, B]


def test_a_forgotten_server_keeps_its_data_unless_told_otherwise(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    put(store, A)
    store.switch(NAME, A, b"a")
    home = store.private_folder(NAME, ["files"])
    store.forget(NAME, data=False)
    assert (list(store.servers.iterdir()), (home / "files").is_dir()) == ([], True)
    store.forget(NAME, data=True)
    assert not home.exists()
    assert store.collect([]) == [A]


def test_a_private_folder_is_private(tmp_path: Path) -> None:
    home = ContentStore(tmp_path).private_folder(NAME, ["files"])
    assert [path.stat().st_mode & 0o777 for path in (home, home / "tmp", home / "files")] == [0o700] * 3
