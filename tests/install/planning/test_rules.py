"""What may be installed, and how old it must be."""

from __future__ import annotations

import pytest

from gateway.errors import NotFound, RefusedByPolicy
from gateway.install.planning.rules import (
    Rules,
    check_age,
    check_allowed,
    check_listing,
    check_origin,
    newest_allowed,
    parse_time,
)
from gateway.model import Origin
from tests.install.values import DAY, NOW, listing

TIMES = {
    "created": "2020-01-01T00:00:00Z",
    "1.0.0": "2026-01-01T00:00:00Z",
    "1.9.0": "2026-02-01T00:00:00Z",
    "1.10.0": "2026-03-01T00:00:00+00:00",
    "2.0.0-beta.1": "2026-03-02T00:00:00Z",
    "2.0.0": "2027-01-14T08:00:00Z",  # the day before NOW
    "9.0.0": "2026-01-02T00:00:00Z",
}
VERSIONS = [version for version in TIMES if version != "created"]


def test_deny_wins_over_allow() -> None:
    with pytest.raises(RefusedByPolicy, match="denied by"):
        check_allowed(Rules(allow=("npm:*",), deny=("npm:@evil/*",)), ("npm:@evil/x",))


def test_with_an_allow_list_everything_else_is_refused() -> None:
    rules = Rules(allow=("smithery:acme/*",))
    check_allowed(rules, ("acme/echo", "smithery:acme/echo"))
    with pytest.raises(RefusedByPolicy, match="not on the list"):
        check_allowed(rules, ("npm:x",))


def test_without_rules_everything_is_allowed() -> None:
    assert check_allowed(Rules(), ("npm:x",)) is None


def test_a_withdrawn_server_is_refused() -> None:
    with pytest.raises(RefusedByPolicy, match="withdrawn"):
        check_listing(Rules(), listing(status="deleted"))


def test_a_deprecated_server_is_installed_with_a_warning() -> None:
    assert "use other" in check_listing(Rules(), listing(status="deprecated", status_message="use other"))[0]


def test_a_server_that_failed_its_scan_needs_to_be_named_in_the_allow_list() -> None:
    bad = listing(scan_passed=False, name="acme/bad")
    with pytest.raises(RefusedByPolicy, match="security scan"):
        check_listing(Rules(), bad)
    assert check_listing(Rules(allow=("acme/bad",)), bad) == []


@pytest.mark.parametrize("origin", [Origin.AGENT, Origin.DISCOVER])
def test_agents_and_rules_may_not_name_files_of_this_machine(origin: Origin) -> None:
    with pytest.raises(RefusedByPolicy):
        check_origin(origin, local_file=True)


def test_a_person_may_name_a_file() -> None:
    assert check_origin(Origin.CLI, local_file=True) is None


def test_a_release_one_hour_old_is_refused_with_its_age_and_the_way_out() -> None:
    with pytest.raises(RefusedByPolicy, match=r"1\.0 hours ago") as caught:
        check_age(Rules(), "pkg@1.0.0", NOW - 3600, NOW)
    assert "--allow-fresh" in caught.value.fix


def test_a_release_past_the_cooldown_is_taken() -> None:
    assert check_age(Rules(), "pkg@1.0.0", NOW - 7.1 * DAY, NOW) is None


def test_a_release_from_the_future_is_refused() -> None:
    with pytest.raises(RefusedByPolicy, match=r"0\.0 hours ago"):
        check_age(Rules(), "pkg@1.0.0", NOW + DAY, NOW)


def test_a_release_of_unknown_age_is_refused() -> None:
    with pytest.raises(RefusedByPolicy, match="nobody says when"):
        check_age(Rules(), "pkg@1.0.0", None, NOW)


def test_the_waived_cooldown_is_recorded() -> None:
    note = check_age(Rules(allow_fresh=True), "pkg@1.0.0", None, NOW)
    assert note is not None
    assert "waived" in note


def test_the_newest_release_that_is_old_enough_is_chosen() -> None:
    assert newest_allowed(Rules(), "pkg", VERSIONS, TIMES, now=NOW, latest="2.0.0") == "1.10.0"


def test_the_publishers_latest_is_the_ceiling() -> None:
    assert newest_allowed(Rules(), "pkg", VERSIONS, TIMES, now=NOW, latest="1.9.0") == "1.9.0"


def test_allow_fresh_takes_the_newest() -> None:
    assert newest_allowed(Rules(allow_fresh=True), "pkg", VERSIONS, TIMES, now=NOW, latest="2.0.0") == "2.0.0"


def test_without_times_nothing_is_old_enough() -> None:
    with pytest.raises(RefusedByPolicy, match="nobody says when"):
        newest_allowed(Rules(), "pkg", VERSIONS, {}, now=NOW, latest="2.0.0")


def test_a_package_of_prereleases_has_no_release() -> None:
    with pytest.raises(NotFound):
        newest_allowed(Rules(), "pkg", ["1.0.0-rc.1"], TIMES, now=NOW, latest=None)


@pytest.mark.parametrize("text", [None, 5, "", "yesterday", "2026-01-01T00:00:00"])
def test_a_time_that_is_not_one_is_unknown(text: object) -> None:
    assert parse_time(text) is None
