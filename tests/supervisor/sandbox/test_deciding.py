"""Which level a server gets, and with which reason."""

from __future__ import annotations

import pytest

from gateway.model import SandboxPolicy
from gateway.supervisor.sandbox.deciding import Host, Impossible, Kind, Level, Verdict, decide, summary
from tests.supervisor.sandbox.hosts import host, no

NEITHER = host(bwrap=no("it is not installed"), landlock=no("this kernel has no landlock"))


def level_of(found: Verdict | Impossible) -> tuple[str, str]:
    assert isinstance(found, Verdict), found
    return found.level.value, found.network


@pytest.mark.parametrize(
    ("machine", "level"), [(host(), "bwrap"), (host(bwrap=no()), "landlock"), (host(landlock=no()), "bwrap")]
)
def test_what_was_installed_gets_the_strongest_level_that_works(machine: Host, level: str) -> None:
    assert level_of(decide(SandboxPolicy(), Kind.INSTALLED, machine)) == (level, "host")


def test_auto_takes_less_and_says_why() -> None:
    found = decide(SandboxPolicy(), Kind.INSTALLED, host(bwrap=no("it is not installed")))
    assert isinstance(found, Verdict)
    assert found.why.startswith("bwrap: it is not installed; ")
    found = decide(SandboxPolicy(), Kind.INSTALLED, NEITHER)
    assert found == Verdict(Level.NONE, "host", "bwrap: it is not installed; landlock: this kernel has no landlock")


@pytest.mark.parametrize("machine", [host(), NEITHER])
def test_a_command_of_the_operator_is_left_alone(machine: Host) -> None:
    assert level_of(decide(SandboxPolicy(), Kind.OWN, machine)) == ("none", "host")


@pytest.mark.parametrize("kind", [Kind.OWN, Kind.INSTALLED])
@pytest.mark.parametrize("level", ["landlock", "bwrap"])
def test_a_level_that_is_asked_for_is_had_or_refused(kind: Kind, level: str) -> None:
    assert level_of(decide(SandboxPolicy(level), kind, host())) == (level, "host")
    found = decide(SandboxPolicy(level), kind, NEITHER)
    assert isinstance(found, Impossible)
    assert (level in found.why, found.fix) == (True, "Install it.")


def test_none_is_had_also_where_more_would_work() -> None:
    assert level_of(decide(SandboxPolicy("none"), Kind.INSTALLED, host())) == ("none", "host")


def test_a_command_without_a_network_gets_the_weakest_level_that_keeps_it_away() -> None:
    offline = SandboxPolicy(network="none")
    assert level_of(decide(offline, Kind.OWN, host())) == ("landlock", "none")
    assert level_of(decide(offline, Kind.OWN, host(filters=no()))) == ("bwrap", "none")
    assert level_of(decide(offline, Kind.OWN, host(landlock=no()))) == ("bwrap", "none")


@pytest.mark.parametrize("level", ["auto", "landlock", "bwrap", "none"])
@pytest.mark.parametrize("kind", [Kind.OWN, Kind.INSTALLED])
def test_a_network_that_cannot_be_kept_away_fails_the_start(kind: Kind, level: str) -> None:
    machine = host(bwrap=no(), filters=no("no filter is known"))
    found = decide(SandboxPolicy(level, network="none"), kind, machine)
    assert isinstance(found, Impossible)
    assert "network" in found.why
    assert found.fix


def test_namespaces_without_one_for_the_network_make_do_with_the_filter() -> None:
    policy, machine = SandboxPolicy("bwrap", network="none"), host(namespaces=("ipc",))
    assert level_of(decide(policy, Kind.INSTALLED, machine)) == ("bwrap", "none")
    found = decide(policy, Kind.INSTALLED, host(namespaces=("ipc",), filters=no("no filter is known")))
    assert isinstance(found, Impossible)
    assert "no filter is known" in found.why


def test_level_none_has_no_way_to_take_the_network_away() -> None:
    found = decide(SandboxPolicy("none", network="none"), Kind.OWN, host())
    assert isinstance(found, Impossible)
    assert 'network = "host"' in found.fix


def test_a_container_is_a_box_of_its_own() -> None:
    found = decide(SandboxPolicy(), Kind.CONTAINER, host())
    assert isinstance(found, Verdict)
    assert (found.level, "container" in found.why) == (Level.NONE, True)
    for policy in (SandboxPolicy("bwrap"), SandboxPolicy(network="none")):
        refused = decide(policy, Kind.CONTAINER, host())
        assert isinstance(refused, Impossible)
        assert "container" in refused.why


def test_what_runs_elsewhere_is_not_confined_and_not_refused() -> None:
    assert level_of(decide(SandboxPolicy("bwrap", network="none"), Kind.REMOTE, NEITHER)) == ("none", "host")


def test_a_verdict_is_shown_whole() -> None:
    found = decide(SandboxPolicy("landlock"), Kind.OWN, host())
    assert isinstance(found, Verdict)
    assert found.to_json() == {
        "level": "landlock",
        "network": "host",
        "why": "asked for; sockets with a file and modes of files stay open to it",
    }


def test_what_landlock_leaves_open_is_said() -> None:
    for kind, policy in ((Kind.INSTALLED, SandboxPolicy()), (Kind.OWN, SandboxPolicy("landlock"))):
        found = decide(policy, kind, host(bwrap=no()))
        assert isinstance(found, Verdict)
        assert "sockets with a file" in found.why
    offline = decide(SandboxPolicy("landlock", network="none"), Kind.INSTALLED, host())
    assert isinstance(offline, Verdict)
    assert ("modes of files" in offline.why, "sockets" in offline.why) == (True, False)
    assert "Docker's" in summary(host(bwrap=no())).message
    assert "Docker's" not in summary(host()).message


def test_the_summary_says_what_is_in_force_and_why_not_more() -> None:
    assert (summary(host()).level, summary(host()).fix) == (Level.BWRAP, "")
    less = summary(host(bwrap=no("it is not installed", "Install bubblewrap.")))
    assert (less.level, less.fix) == (Level.LANDLOCK, "Install bubblewrap.")
    assert "bwrap: it is not installed" in less.message
    nothing = summary(NEITHER)
    assert nothing.level is Level.NONE
    assert "no landlock" in nothing.message


def test_the_summary_says_what_an_old_landlock_leaves_open_and_which_namespace_is_missing() -> None:
    assert "signals" in summary(host(version=3)).message
    assert "System V" in summary(host(namespaces=())).message
    offline = summary(host(bwrap=no(), filters=no("no filter is known")))
    assert "no filter is known" in offline.message
