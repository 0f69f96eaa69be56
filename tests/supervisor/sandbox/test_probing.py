"""What this machine can: asked of the real kernel, and of programs that play bwrap."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.supervisor.processes import landlock
from gateway.supervisor.sandbox import probing
from gateway.supervisor.sandbox.probing import probe_host

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


def bwrap(folder: Path, text: str) -> str:
    """A PATH with this bwrap, and nothing else."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return str(folder)


async def test_what_works_here_is_found_and_what_does_not_is_explained() -> None:
    found = await probe_host()
    for ability in (found.landlock, found.bwrap, found.filters_sockets):
        assert ability.works or (ability.why_not and ability.fix)
    assert found.bwrap_path or not found.bwrap.works
    assert found.has_scopes == (found.landlock_version >= landlock.SCOPES_SINCE)


async def test_a_missing_bwrap_is_said_to_be_missing(tmp_path: Path) -> None:
    found = await probe_host(str(tmp_path))
    assert (found.bwrap.works, found.bwrap.why_not, found.bwrap_path) == (False, "it is not installed", "")
    assert "bubblewrap" in found.bwrap.fix


async def test_a_bwrap_that_fails_is_told_with_its_own_words(tmp_path: Path) -> None:
    text = "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"
    found = await probe_host(bwrap(tmp_path, text))
    assert found.bwrap.why_not == "it does not work here: No permissions to create new namespace"
    assert "namespaces" in found.bwrap.fix
    assert found.namespaces == ()


async def test_a_covered_proc_has_a_fix_of_its_own(tmp_path: Path) -> None:
    text = 'echo "bwrap: Can\'t mount proc on /newroot/proc: Operation not permitted" >&2; exit 1'
    found = await probe_host(bwrap(tmp_path, text))
    assert "/proc" in found.bwrap.fix


async def test_under_systemd_the_fix_is_the_drop_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOCATION_ID", "0")
    found = await probe_host(bwrap(tmp_path, "echo 'bwrap: Creating new namespace failed' >&2; exit 1"))
    assert "60-bwrap.conf" in found.bwrap.fix


async def test_a_bwrap_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "DEADLINE_S", 0.2)
    found = await probe_host(bwrap(tmp_path, "exec /bin/sleep 600"))
    assert found.bwrap.why_not == "it does not work here: it did not end within 0.2 s"


async def test_a_bwrap_without_some_namespaces_is_used_without_them(tmp_path: Path) -> None:
    found = await probe_host(bwrap(tmp_path, 'case "$*" in *--unshare-net*) exit 1;; esac; exit 0'))
    assert (found.bwrap.works, found.namespaces) == (True, ("ipc",))


async def test_a_bwrap_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    (tmp_path / "bwrap").write_text("#!/no/such/interpreter\n")
    (tmp_path / "bwrap").chmod(0o755)
    found = await probe_host(str(tmp_path))
    assert (found.bwrap.works, "cannot start" in found.bwrap.why_not) == (False, True)


async def test_a_machine_that_is_not_linux_can_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    found = await probe_host()
    assert [found.landlock.works, found.bwrap.works, found.filters_sockets.works] == [False, False, False]


@pytest.mark.parametrize(("number", "words"), [(38, "has no landlock"), (95, "switched off"), (1, "refuses")])
async def test_a_kernel_without_landlock_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, words: str
) -> None:
    def fail() -> int:
        raise OSError(number, "Operation not permitted")

    monkeypatch.setattr(landlock, "version", fail)
    found = await probe_host(str(tmp_path))
    assert (found.landlock.works, words in found.landlock.why_not, bool(found.landlock.fix)) == (False, True, True)
    assert found.landlock_version == 0


async def test_another_kind_of_processor_has_no_filter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gateway.supervisor.processes.seccomp.MACHINES", {})
    found = await probe_host(str(tmp_path))
    assert (found.filters_sockets.works, bool(found.filters_sockets.fix)) == (False, True)


async def test_a_bwrap_that_leaves_the_machines_settings_open_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "setting"
    setting.write_text("0")
    monkeypatch.setattr(probing, "_SETTINGS", (str(setting),))
    found = await probe_host(bwrap(tmp_path, 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'))
    assert (found.bwrap.works, str(setting) in found.bwrap.why_not) == (False, True)
