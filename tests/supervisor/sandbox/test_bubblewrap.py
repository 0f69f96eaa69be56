"""bwrap's command line."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.supervisor.sandbox.bubblewrap import command
from gateway.supervisor.sandbox.reach import Grant, Hidden, Reach

DATA = Grant("/state/data/a", "/state/data/a", write=True)
USR = Grant("/usr", "/usr")
STATE = Hidden("/state")


def words(*grants: Grant, hidden: Sequence[Hidden] = (STATE,), namespaces: Sequence[str] = ()) -> list[str]:
    reach = Reach(grants, tuple(hidden), "/state/data/a", "/state/data/a")
    return command("/usr/bin/bwrap", reach, {"/bin": "usr/bin"}, ["/usr/bin/node", "x.js"], namespaces=namespaces)


def triples(found: list[str]) -> list[tuple[str, ...]]:
    return [tuple(found[at : at + 3]) for at in range(len(found) - 2)]


def test_it_ends_with_the_program_in_its_folder() -> None:
    found = words(DATA, USR)
    assert found[0] == "/usr/bin/bwrap"
    assert found[-5:] == ["--chdir", "/state/data/a", "--", "/usr/bin/node", "x.js"]


def test_its_own_folder_may_be_changed_the_system_only_read() -> None:
    found = triples(words(DATA, USR))
    assert ("--bind-try", "/state/data/a", "/state/data/a") in found
    assert ("--ro-bind-try", "/usr", "/usr") in found
    assert ("--symlink", "usr/bin", "/bin") in found


def test_it_gets_a_proc_devices_and_temporary_files_of_its_own_and_cannot_change_the_root() -> None:
    found = words(DATA, USR)
    text = " ".join(found)
    for expected in ("--proc /proc", "--dev /dev", "--tmpfs /tmp", "--remount-ro /", "--cap-drop ALL"):
        assert expected in text
    assert found[1:3] == ["--die-with-parent", "--unshare-pid"]
    assert not [word for word in found if word.startswith("--setenv")]


def test_further_namespaces_are_asked_for_by_name() -> None:
    assert "--unshare-net" not in words(DATA)
    assert "--unshare-net" in words(DATA, namespaces=["net"])


def test_folders_come_before_what_is_in_them_and_hidden_places_between() -> None:
    home = Grant("/", "/", write=True)
    found = [step for step in triples(words(home, DATA)) if step[0] in {"--bind-try", "--tmpfs"}]
    assert [step[1] for step in found] == ["/", "/state", "/state/data/a"]
    assert "--remount-ro" not in words(home, DATA)


def test_a_hidden_place_that_nobody_would_see_needs_no_cover() -> None:
    assert "/state" not in words(DATA, USR)


def test_a_hidden_file_is_covered_by_nothing() -> None:
    found = triples(words(Grant("/etc", "/etc"), hidden=[Hidden("/etc/shadow", is_folder=False)]))
    assert ("--ro-bind", "/dev/null", "/etc/shadow") in found


def test_a_link_is_shown_under_both_names() -> None:
    found = triples(words(Grant("/srv/link", "/srv/real", write=True)))
    assert ("--bind-try", "/srv/real", "/srv/real") in found
    assert ("--bind-try", "/srv/real", "/srv/link") in found


def test_a_link_within_a_place_that_is_shown_is_not_made_twice() -> None:
    found = triples(words(Grant("/opt", "/opt"), Grant("/opt/link", "/srv/real")))
    assert ("--ro-bind-try", "/srv/real", "/srv/real") in found
    assert ("--ro-bind-try", "/srv/real", "/opt/link") not in found


def test_to_change_wins_over_to_read_and_devices_stay_devices() -> None:
    found = triples(
        words(Grant("/srv", "/srv", write=True), Grant("/srv", "/srv"), Grant("/dev/dri", "/dev/dri", True))
    )
    assert ("--ro-bind-try", "/srv", "/srv") not in found
    assert ("--dev-bind-try", "/dev/dri", "/dev/dri") in found


def test_a_tmp_that_is_given_is_the_machines() -> None:
    assert "--tmpfs" not in words(Grant("/tmp", "/tmp", write=True), hidden=[])


def test_what_is_the_machines_in_proc_may_only_be_read() -> None:
    reach = Reach((DATA, Grant("/", "/", write=True)), (), "/state/data/a", "/state/data/a")
    found = command("/usr/bin/bwrap", reach, {}, ["x"], namespaces=(), machine=["/proc/sys", "/proc/irq"])
    at = found.index("--proc")
    closed = "--proc /proc --ro-bind-try /proc/sys /proc/sys --ro-bind-try /proc/irq /proc/irq"
    assert " ".join(found[at : at + 8]) == closed
    assert found.index("--bind-try") < at


def test_a_private_place_that_is_given_by_name_is_not_covered() -> None:
    found = words(Grant("/opt", "/opt"), Grant("/opt/app", "/opt/app", write=True), hidden=[Hidden("/opt/app")])
    assert "--tmpfs /opt/app" not in " ".join(found)
    assert ("--bind-try", "/opt/app", "/opt/app") in triples(found)
