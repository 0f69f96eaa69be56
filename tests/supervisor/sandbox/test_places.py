"""What a server names and needs, gathered from a real disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model import SandboxPolicy, StdioLaunch
from gateway.supervisor.sandbox.places import Layout, environment, reach_of
from gateway.supervisor.sandbox.reach import Reach, is_inside
from tests.supervisor.sandbox.confined import DIGEST, OTHER_DIGEST, Site, build

SHELL = "/bin/sh"
AUTO = SandboxPolicy()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return build(tmp_path)


def reach(
    site: Site,
    *words: str,
    env: dict[str, str] | None = None,
    cwd: str | None = None,
    policy: SandboxPolicy = AUTO,
    own: bool = False,
    granted: tuple[str, ...] = (),
) -> Reach:
    launch = StdioLaunch((SHELL, *words), env or {}, cwd, granted)
    return reach_of("spy", launch, policy, site.layout, SHELL, is_own=own)


def can(found: Reach, path: Path | str) -> str:
    """What may be done with a path: "", "read" or "write"; hidden places apart."""
    given = [grant for grant in found.grants if is_inside(str(path), grant.real)]
    return "write" if any(grant.write for grant in given) else "read" if given else ""


def test_its_own_folder_is_made_and_may_be_changed(site: Site) -> None:
    found = reach(site)
    assert can(found, site.data()) == "write"
    assert (site.data() / "tmp").is_dir()
    assert site.data().stat().st_mode & 0o777 == 0o700


def test_its_package_may_be_read_and_no_other(site: Site) -> None:
    found = reach(site, str(site.content / "spy.py"))
    assert can(found, site.content / "spy.py") == "read"
    assert can(found, site.state / "content" / OTHER_DIGEST) == ""
    assert found.given == ()


def test_a_package_is_also_found_in_variables_and_the_working_directory(site: Site) -> None:
    assert can(reach(site, env={"PYTHONPATH": f"/usr/x:{site.content}"}), site.content) == "read"
    assert can(reach(site, cwd=str(site.content)), site.content / DIGEST) == "read"


def test_nothing_else_of_the_state_nor_the_home_is_given(site: Site) -> None:
    found = reach(site, str(site.content / "spy.py"))
    for path in (site.state, site.state / "token", site.data("other"), site.root / "home"):
        assert can(found, path) == "", path


def test_nothing_that_a_publisher_wrote_into_a_launch_is_given(site: Site, tmp_path: Path) -> None:
    private = site.root / "home" / ".ssh"
    words = (str(private), f"--dir={private}", "/", f"{site.state}/content/{OTHER_DIGEST}/settings")
    found = reach(site, str(site.content / "spy.py"), *words, env={"VAULT": str(private), "ROOT": "/"})
    assert [can(found, path) for path in (private / "id_ed25519", tmp_path, "/var/log")] == ["", "", ""]
    assert can(found, f"{site.state}/content/{OTHER_DIGEST}/settings") == ""
    assert (found.given, found.notes) == ((), ())


def test_what_a_person_named_is_given_to_what_was_installed(site: Site, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "ca.pem").write_text("")
    words = (str(tmp_path / "folder"), f"--ca={tmp_path}/ca.pem")
    env = {"NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem")}
    found = reach(site, str(site.content / "spy.py"), *words, env=env, granted=words)
    assert (can(found, tmp_path / "folder"), can(found, tmp_path / "ca.pem")) == ("write", "read")
    assert found.given == (str(tmp_path / "folder"), str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("path", ["/", "/etc", "/usr", "/var", "/home", "/run", "/proc", "/sys", "/dev", "/proc/sys"])
@pytest.mark.parametrize("own", [False, True])
def test_broad_folders_take_more_than_an_argument(site: Site, path: str, own: bool) -> None:
    found = reach(site, path, granted=(path,), own=own)
    assert (found.given, can(found, path)) == ((), "read" if path in {"/etc", "/usr"} else "")
    assert found.notes == (f"{path} is not given, because it holds much else: name it in ReadWritePaths",)
    found = reach(site, path, granted=(path,), own=own, policy=SandboxPolicy(read_write_paths=(path,)))
    assert (found.given, can(found, path)) == ((path,), "write")
    assert not any("ReadWritePaths" in note for note in found.notes)


def test_a_home_and_what_holds_the_state_are_broad_also_by_another_name(site: Site, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(site.root / "home")
    words = (str(site.root / "home"), str(tmp_path / "link"), str(site.root), str(site.root.parent))
    found = reach(site, granted=words)
    assert (found.given, len(found.notes)) == ((), len(words))


def test_a_link_that_the_server_may_have_made_opens_nothing(site: Site, tmp_path: Path) -> None:
    project, private = tmp_path / "project", site.root / "home" / ".ssh"
    (project / "out").mkdir(parents=True)
    words = (str(project), str(project / "out"))
    assert reach(site, granted=words).notes == ()
    (project / "out").rmdir()
    (project / "out").symlink_to(private)
    (site.data() / "files").symlink_to(private)
    (tmp_path / "detour").symlink_to(project / "out")
    words = (*words, str(site.data() / "files"), str(tmp_path / "detour"))
    for found in (reach(site, granted=words), reach(site, policy=SandboxPolicy(read_write_paths=words))):
        assert (can(found, private), found.given) == ("", (str(project),))
        assert [note.split(":")[1].split(",")[0] for note in found.notes] == [
            f" it leads out of {place}" for place in (project, site.data(), project)
        ]


def test_a_link_of_the_operators_leads_where_it_leads(site: Site, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert can(reach(site, granted=(str(tmp_path / "link"),)), tmp_path / "real") == "write"


def test_a_link_in_the_place_of_its_own_folder_is_removed(site: Site, tmp_path: Path) -> None:
    site.data().mkdir(parents=True)
    (site.data() / "tmp").symlink_to(tmp_path / "made-outside")
    reach(site)
    assert ((site.data() / "tmp").is_symlink(), (tmp_path / "made-outside").exists()) == (False, False)


@pytest.mark.parametrize("planted", ["dangling", "to a file", "file"])
def test_what_is_no_folder_in_the_place_of_its_own_one_is_replaced_and_not_followed(
    site: Site, tmp_path: Path, planted: str
) -> None:
    reach(site)
    spot, outside = site.data() / "tmp", tmp_path / "outside"
    spot.rmdir()
    outside.write_text("mine")
    if planted == "file":
        spot.write_text("in the way")
    else:
        spot.symlink_to("/nowhere" if planted == "dangling" else outside)
    assert can(reach(site), site.data()) == "write"
    assert (spot.is_symlink(), spot.is_dir(), outside.read_text()) == (False, True, "mine")


def test_a_link_of_the_operators_to_where_all_data_lies_stays(site: Site, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    site.data().parent.rename(tmp_path / "before")
    site.data().parent.symlink_to(tmp_path / "disk")
    assert can(reach(site), tmp_path / "disk" / "spy") == "write"
    assert site.data().parent.is_symlink()


def test_a_link_in_the_middle_of_where_another_leads_opens_nothing(site: Site, tmp_path: Path) -> None:
    project, private = tmp_path / "project", site.root / "home" / ".ssh"
    (project / "now" / "sub").mkdir(parents=True)
    (tmp_path / "latest").symlink_to("project/now/../now/sub")  # the operator's
    words = (str(project), str(tmp_path / "latest"))
    assert reach(site, granted=words).notes == ()
    (project / "now" / "sub").rmdir()
    (project / "now").rmdir()
    (private / "sub").mkdir()
    (project / "now").symlink_to(private)
    found = reach(site, granted=words)
    assert (can(found, private / "sub"), found.given) == ("", (str(project),))


def test_an_interpreter_that_a_bundle_names_for_itself_is_not_given(site: Site, tmp_path: Path) -> None:
    private = site.root / "home" / ".ssh" / "id_ed25519"
    program = site.content / "run"
    program.write_text(f"#!{private}\n")
    launch = StdioLaunch((str(program),))
    found = reach_of("spy", launch, AUTO, site.layout, str(program), is_own=False)
    assert (can(found, private), can(found, program)) == ("", "read")


def test_places_that_arguments_name_may_be_changed(site: Site, tmp_path: Path) -> None:
    for name in ("one", "two", "three", "four"):
        (tmp_path / name).mkdir()
    words = [
        str(tmp_path / "one"),
        f"--root={tmp_path}/two",
        f"{tmp_path}/three:{tmp_path}/four",
        "relative",
        "/gone/x",
    ]
    found = reach(site, *words, own=True)
    assert [can(found, tmp_path / name) for name in ("one", "two", "three", "four")] == ["write"] * 4
    assert found.given == tuple(str(tmp_path / name) for name in ("one", "two", "three", "four"))


def test_places_that_variables_name_may_be_changed_but_code_only_read(site: Site, tmp_path: Path) -> None:
    for name in ("vault", "modules"):
        (tmp_path / name).mkdir()
    found = reach(site, env={"VAULT": str(tmp_path / "vault"), "NODE_PATH": str(tmp_path / "modules")}, own=True)
    assert (can(found, tmp_path / "vault"), can(found, tmp_path / "modules")) == ("write", "read")


def test_our_home_and_search_path_are_no_gifts(site: Site) -> None:
    ours = site.layout.ours
    env = {"HOME": ours["HOME"], "PATH": f"{ours['HOME']}:/usr/bin", "SHELL": f"{ours['HOME']}/.ssh"}
    found = reach(site, env=env, own=True)
    assert (can(found, ours["HOME"]), found.given) == ("", ())


def test_what_the_operator_names_is_given_and_what_is_missing_is_told(site: Site, tmp_path: Path) -> None:
    for name in ("rw", "ro"):
        (tmp_path / name).mkdir()
    policy = SandboxPolicy(
        read_write_paths=(str(tmp_path / "rw"), "/gone/too"), read_only_paths=(str(tmp_path / "ro"),)
    )
    found = reach(site, policy=policy)
    assert (can(found, tmp_path / "rw"), can(found, tmp_path / "ro")) == ("write", "read")
    assert found.notes == ("/gone/too does not exist",)


@pytest.mark.parametrize("name", ["state", "state/secrets", "state/token", "state/data/other", "etc/config.toml"])
def test_the_gateways_own_is_not_given_whoever_names_it(site: Site, name: str) -> None:
    path = site.root / name
    found = reach(site, granted=(str(path),), policy=SandboxPolicy(read_write_paths=(str(path),)))
    assert can(found, path) == ""
    assert found.notes == (f"{path} is the gateway's own and is not given",)


def test_a_link_in_its_own_folder_opens_nothing(site: Site) -> None:
    site.data().mkdir(parents=True)
    (site.data() / "files").symlink_to(site.state / "secrets")
    found = reach(site, granted=(str(site.data() / "files"),))
    assert can(found, site.state / "secrets") == ""


def test_a_folder_around_the_state_is_given_with_the_state_hidden(site: Site) -> None:
    found = reach(site, policy=SandboxPolicy(read_write_paths=(str(site.root),)))
    assert can(found, site.root / "home") == "write"
    assert str(site.state) in {hidden.real for hidden in found.hidden}
    assert found.notes == (f"{site.root} is given but for the gateway's own files in it",)


def test_an_own_command_may_read_its_code_and_the_project_around_it(site: Site, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "dist").mkdir(parents=True)
    (project / "package.json").write_text("{}")
    (project / "dist" / "main.js").write_text("")
    found = reach(site, str(project / "dist" / "main.js"), own=True)
    assert (can(found, project / "dist" / "main.js"), can(found, project / "node_modules")) == ("read", "read")


def test_an_own_command_in_a_home_may_read_its_code_and_nothing_beside_it(site: Site) -> None:
    script = site.root / "home" / "server.py"
    script.write_text("")
    found = reach(site, str(script), own=True)
    assert (can(found, script), can(found, site.root / "home" / ".ssh")) == ("read", "")


def test_an_own_command_may_read_its_working_directory(site: Site, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "server.py").write_text("")
    found = reach(site, "server.py", cwd=str(tmp_path / "work"), own=True)
    assert (can(found, tmp_path / "work"), found.cwd) == ("read", str(tmp_path / "work"))


def test_a_working_directory_out_of_reach_is_replaced_by_its_own_folder(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reach(site, own=True).cwd == str(site.data())


@pytest.mark.parametrize("word", ["/" + "x" * 5000, "/a\0b", "=", "--x=", ":", ",,,", "http://tmp/"])
def test_words_that_are_no_paths_give_nothing(site: Site, word: str) -> None:
    assert reach(site, word, own=True).given == ()


def test_places_of_its_own_replace_ours_and_only_ours(site: Site) -> None:
    found, ours = reach(site), {"HOME": "/home/me", "TMPDIR": "/tmp"}
    data = str(site.data())
    tmp = f"{data}/tmp"
    assert environment(found, {}, ours) == {"HOME": data, "TMPDIR": tmp, "TMP": tmp, "TEMP": tmp}
    assert environment(found, dict(ours), ours) == {"HOME": data, "TMPDIR": tmp, "TMP": tmp, "TEMP": tmp}
    given = {"HOME": "/srv/home", "TMPDIR": "/srv/tmp", "TMP": "/x", "TEMP": "/y"}
    assert environment(found, given, ours) == {}


def test_hidden_places_are_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    layout = Layout(tmp_path / "state", (tmp_path / "gone", tmp_path / "state"))
    assert [hidden.real for hidden in layout.hidden() if hidden.real.startswith(str(tmp_path))] == [
        str(tmp_path / "state"),
        str(tmp_path / "state"),
    ]
