"""What is given, what stays hidden, and what people are told of it."""

from __future__ import annotations

import pytest

from gateway.supervisor.sandbox.reach import Grant, Hidden, absolute, depth_order, is_inside, settle

STATE = Hidden("/home/me/state")
DATA = Grant("/home/me/state/data/a", "/home/me/state/data/a", write=True)
USR = Grant("/usr", "/usr")


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a", True),
        ("/ab", "/a", False),
        ("/a", "/a/b", False),
        ("/x", "/", True),
        ("/", "/", True),
    ],
)
def test_inside_goes_by_whole_names(path: str, folder: str, expected: bool) -> None:
    assert is_inside(path, folder) is expected


def test_what_is_asked_for_is_given_and_told() -> None:
    wanted = Grant("/srv/files", "/srv/files", write=True)
    found = settle([DATA], [USR], [wanted, wanted], [STATE])
    assert (found.grants, found.given, found.notes) == ((DATA, USR, wanted), ("/srv/files",), ())


@pytest.mark.parametrize("path", ["/home/me/state", "/home/me/state/secrets/b", "/home/me/state/data/b"])
def test_nothing_that_is_hidden_is_given(path: str) -> None:
    found = settle([DATA], [USR], [Grant(path, path)], [STATE])
    assert found.grants == (DATA, USR)
    assert found.notes == (f"{path} is the gateway's own and is not given",)


def test_a_link_does_not_open_what_is_hidden() -> None:
    found = settle([DATA], [USR], [Grant("/srv/innocent", "/home/me/state/secrets")], [STATE])
    assert (found.grants, len(found.notes)) == ((DATA, USR), 1)


@pytest.mark.parametrize("path", ["/", "/home", "/home/me"])
def test_a_folder_around_something_hidden_is_given_with_a_note(path: str) -> None:
    found = settle([DATA], [USR], [Grant(path, path, write=True)], [STATE])
    assert found.given == (path,)
    assert found.notes == (f"{path} is given but for the gateway's own files in it",)


def test_its_own_places_are_not_given_once_more_whatever_lies_in_them() -> None:
    inside = Grant("/home/me/state/data/a/files", "/home/me/state/data/a/files", write=True)
    package = Grant("/home/me/state/content/1", "/home/me/state/content/1")
    script = Grant("/home/me/state/content/1/x.py", "/home/me/state/content/1/x.py", write=True)
    found = settle([DATA, package], [USR], [inside, script], [STATE])
    assert (found.grants, found.given, found.notes) == ((DATA, package, USR), (), ())


def test_what_another_place_gives_already_is_left_out_unless_it_shall_be_changed() -> None:
    found = settle([DATA], [USR], [Grant("/usr/bin", "/usr/bin"), Grant("/usr/x", "/usr/x", write=True)], [STATE])
    assert found.given == ("/usr/x",)


def test_paths_are_made_absolute_and_normal() -> None:
    assert absolute("b/../c", "/a") == "/a/c"
    assert absolute("//x//y/") == "/x/y"
    assert absolute("../../..", "/a") == "/"


def test_a_folder_comes_before_what_is_in_it() -> None:
    assert sorted(["/a-b", "/a/c", "/", "/a"], key=depth_order) == ["/", "/a", "/a/c", "/a-b"]


PRIVATE = Hidden("/opt/app", is_ours=False)
OPT = Grant("/opt", "/opt")


@pytest.mark.parametrize("path", ["/opt/app", "/opt/app/files"])
def test_what_is_private_on_this_machine_is_given_to_whom_it_is_given_by_name(path: str) -> None:
    found = settle([DATA], [OPT], [Grant(path, path)], [STATE, PRIVATE])
    assert (found.given, found.notes) == ((path,), ())


def test_what_is_private_on_this_machine_is_not_given_with_the_folder_around_it() -> None:
    found = settle([DATA], [OPT], [Grant("/opt", "/opt", write=True)], [STATE, PRIVATE])
    assert found.notes == ("/opt is given but for what only its owner may read there",)
