"""What a program is made of, apart from the system's folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gateway.supervisor.sandbox.runtimes import runtime_places


def program(path: Path, text: str = "\x7fELF") -> str:
    """A file that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_the_running_python_is_found_through_its_environment_and_its_links() -> None:
    found = runtime_places(sys.executable, "", broad=())
    base = Path(os.path.realpath(sys.executable)).parents[1]
    assert any(str(base).startswith(("/usr",)) or place.startswith(str(base)) for place in found)
    assert any(Path(place) in Path(os.__file__).parents for place in found)


def test_a_virtual_environment_leads_to_the_python_it_was_made_from(tmp_path: Path) -> None:
    base = tmp_path / "python-3.12"
    program(base / "bin" / "python3.12")
    (base / "lib" / "python3.12").mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {base}/bin\n")
    (tmp_path / "venv" / "bin" / "python").symlink_to(base / "bin" / "python3.12")
    found = runtime_places(str(tmp_path / "venv" / "bin" / "python"), "", broad=())
    assert {str(base / "lib"), str(base / "bin"), str(tmp_path / "venv" / "pyvenv.cfg")} <= set(found)


def test_a_scripts_first_line_leads_to_its_interpreter(tmp_path: Path) -> None:
    node = program(tmp_path / "versions" / "20" / "bin" / "node")
    (tmp_path / "versions" / "20" / "include" / "node").mkdir(parents=True)
    script = program(tmp_path / "tools" / "npx", "#!/usr/bin/env -S node --x\n")
    found = runtime_places(script, str(Path(node).parent), broad=())
    assert {str(tmp_path / "tools"), str(Path(node).parent), str(tmp_path / "versions" / "20" / "include")} <= set(
        found
    )


def test_an_interpreter_may_be_named_by_its_path(tmp_path: Path) -> None:
    shell = program(tmp_path / "shells" / "sh")
    assert str(tmp_path / "shells") in runtime_places(program(tmp_path / "x" / "run", f"#!{shell}\n"), "", broad=())


def test_of_a_folder_that_others_use_as_well_only_the_program_is_given(tmp_path: Path) -> None:
    tool = program(tmp_path / "tool")
    assert runtime_places(tool, "", broad={str(tmp_path)}) == [tool]


def test_an_installation_in_a_home_gives_no_data_of_other_programs(tmp_path: Path) -> None:
    tool = program(tmp_path / ".local" / "bin" / "tool")
    (tmp_path / ".local" / "lib" / "python3.11").mkdir(parents=True)
    (tmp_path / ".local" / "share" / "keyrings").mkdir(parents=True)
    found = runtime_places(tool, "", broad={str(tmp_path)})
    assert str(tmp_path / ".local" / "lib") in found
    assert str(tmp_path / ".local" / "share") not in found


def test_the_systems_own_programs_need_no_prefix() -> None:
    assert all(place.startswith(("/usr", "/bin")) for place in runtime_places("/usr/bin/env", "", broad=()))


@pytest.mark.parametrize(
    "first", ["", "#!", "#!/usr/bin/env\n", "#!/no/such/interpreter\n", "#!/usr/bin/env no-such\n"]
)
def test_a_first_line_that_leads_nowhere_adds_nothing(tmp_path: Path, first: str) -> None:
    script = program(tmp_path / "x" / "run", first)
    assert runtime_places(script, "/nowhere", broad=()) == [str(tmp_path / "x")]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert str(tmp_path) in runtime_places(str(tmp_path / "a"), "", broad=())


def test_what_a_strangers_files_say_of_themselves_opens_nothing(tmp_path: Path) -> None:
    secret = program(tmp_path / "home" / "key")
    strange = tmp_path / "content"
    script = program(strange / "1" / "run", f"#!{secret}\n")
    (strange / "1" / "venv" / "bin").mkdir(parents=True)
    (strange / "1" / "venv" / "pyvenv.cfg").write_text(f"home = {tmp_path}/home/bin\n")
    (tmp_path / "home" / "lib").mkdir()
    python = program(strange / "1" / "venv" / "bin" / "python")
    for start in (script, python):
        found = runtime_places(start, "/usr/bin", broad=(), strange=str(strange))
        assert [place for place in found if place.startswith(str(tmp_path / "home"))] == []
    assert str(tmp_path / "home") in runtime_places(script, "/usr/bin", broad=())


def test_a_strangers_script_finds_its_interpreter_on_the_path(tmp_path: Path) -> None:
    tool = program(tmp_path / "tools" / "interpreter")
    script = program(tmp_path / "content" / "run", "#!/usr/bin/env interpreter\n")
    found = runtime_places(script, str(tmp_path / "tools"), broad=(), strange=str(tmp_path / "content"))
    assert str(Path(tool).parent) in found
