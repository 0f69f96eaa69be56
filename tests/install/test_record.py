"""What installed files consist of, and whether they still do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gateway.install.packages.locks import Component
from gateway.install.record import ContentRecord, altered_files, read_record, runtimes_of, write_record
from tests.install.values import MACHINE

LOCK = {
    "lockfileVersion": 3,
    "packages": {"": {}, "node_modules/thing": {"version": "1.0.0", "integrity": "sha512-x"}},
}


def bundle(folder: Path) -> Path:
    (folder / "files/server").mkdir(parents=True)
    (folder / "files/manifest.json").write_text("{}")
    (folder / "files/server/index.js").write_text("code")
    (folder / "files/link").symlink_to("/etc/passwd")
    return folder


def test_the_packages_of_a_lock_are_written_down_with_the_runtimes(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text(json.dumps(LOCK))
    written = write_record(tmp_path, runtimes_of(MACHINE))
    assert written.packages == (Component("npm", "thing", "1.0.0", ("sha512-x",)),)
    assert written.runtimes["node"] == "22.1.0"
    assert read_record(tmp_path) == written


def test_each_file_of_a_bundle_is_hashed_and_no_link_is_followed(tmp_path: Path) -> None:
    record = write_record(bundle(tmp_path), {})
    assert [(file.path, file.size_bytes) for file in record.files] == [("manifest.json", 2), ("server/index.js", 4)]
    assert record.files[1].sha256 == hashlib.sha256(b"code").hexdigest()


def test_files_that_were_changed_added_or_deleted_since_are_told(tmp_path: Path) -> None:
    record = write_record(bundle(tmp_path), {})
    assert altered_files(tmp_path, record) == []
    (tmp_path / "files/server/index.js").write_text("other")
    (tmp_path / "files/added").write_text("")
    (tmp_path / "files/manifest.json").unlink()
    assert altered_files(tmp_path, record) == ["added", "manifest.json", "server/index.js"]


def test_content_from_before_there_were_records_is_read_as_it_is_now(tmp_path: Path) -> None:
    (bundle(tmp_path) / "package-lock.json").write_text(json.dumps(LOCK))
    record = read_record(tmp_path)
    assert (len(record.packages), len(record.files), record.runtimes) == (1, 2, {})
    (tmp_path / "record.json").write_text("{broken")
    assert read_record(tmp_path) == record


def test_a_folder_that_is_gone_has_an_empty_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "gone") == ContentRecord()
