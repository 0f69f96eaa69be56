from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.errors import NotFound
from gateway.model import Origin, ServerName, ServerSpec, StdioLaunch
from gateway.store.installed import InstalledServer
from gateway.verbs import servers
from tests.verbs.running import open_site


async def test_the_status_joins_children_tools_and_policy(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        told = await servers.status(site.running)
    assert (told["version"], told["pid"], told["uptime_s"], told["ready"]) == ("1.2.3", os.getpid(), 5.0, True)
    assert told["policy"] == {"mode": "on", "version": site.running.policy.version}
    assert [(row["name"], row["state"], row["tools"], row["quarantined_tools"]) for row in told["servers"]] == [
        ("clock", "ready", 2, 1),
        ("git", "backoff", 1, 1),
    ]


async def test_start_stop_and_restart_tell_the_state_after_the_request(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        told = [await verb(site.running, "git") for verb in (servers.start, servers.stop, servers.restart)]
    assert [row["state"] for row in told] == ["starting", "stopped", "stopping"]
    assert told[1] == {"server": "git", "state": "stopped", "health": "healthy", "reason": "is stopped"}


@pytest.mark.parametrize("verb", [servers.start, servers.stop, servers.restart, servers.logs])
async def test_an_unknown_server_is_an_error_that_says_where_to_look(tmp_path: Path, verb: object) -> None:
    async with open_site(tmp_path) as site:
        with pytest.raises(NotFound) as caught:
            await verb(site.running, "nowhere")  # type: ignore[operator]
    assert "status" in caught.value.fix


async def test_the_log_is_cut_to_the_newest_lines(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        told = await servers.logs(site.running, "git", lines=2)
    assert told == {"server": "git", "lines": ["git line 3", "git line 4"]}


async def test_a_log_can_be_followed(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        lines = [line async for line in servers.follow_logs(site.running, "git")]
    assert lines == ["git new 0", "git new 1"]


async def test_following_an_unknown_server_fails_at_the_first_step(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        lines = servers.follow_logs(site.running, "nowhere")
        with pytest.raises(NotFound):
            await anext(lines)


async def test_what_a_person_should_know_of_a_server_is_part_of_why_it_is_as_it_is(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        spec = ServerSpec(ServerName("git"), "npm:git@1", Origin.CLI, StdioLaunch(("git",)))
        await site.shop.parts.installed.put(InstalledServer(spec, None, 1.0, "1", note="2 was rolled back to 1"))
        rows = {row["name"]: row for row in (await servers.status(site.running))["servers"]}
        assert rows["git"]["reason"] == "is backoff; 2 was rolled back to 1"
        assert (rows["git"]["note"], rows["clock"]["note"]) == ("2 was rolled back to 1", "")
        await site.shop.parts.db.close()
        assert len((await servers.status(site.running))["servers"]) == 2  # told also without a store
