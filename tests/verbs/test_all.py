from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from gateway.admin.ports import CatalogueVerbs, RunningVerbs
from gateway.verbs.all import OfflineVerbs, OnlineVerbs
from tests.verbs.fakes import bundle
from tests.verbs.running import open_site


def verbs_of(kind: type) -> list[str]:
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def test_both_faces_have_exactly_the_verbs_of_their_port() -> None:
    assert verbs_of(OfflineVerbs) == verbs_of(CatalogueVerbs)
    assert verbs_of(OnlineVerbs) == verbs_of(RunningVerbs)


@pytest.mark.parametrize("name", verbs_of(RunningVerbs))
def test_each_verb_is_called_as_its_port_says(name: str) -> None:
    port, ours = (inspect.signature(getattr(kind, name)) for kind in (RunningVerbs, OnlineVerbs))
    assert [(p.name, p.kind, p.default) for p in ours.parameters.values()] == [
        (p.name, p.kind, p.default) for p in port.parameters.values()
    ]


async def test_what_is_installed_by_a_person_is_listed_as_theirs_until_it_is_removed(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        verbs = OnlineVerbs(site.running)
        done = await verbs.install(f"mcpb:{bundle(tmp_path)}", alias="mine")
        assert done["origin"] == "cli"
        assert [row["name"] for row in (await verbs.list_servers())["servers"]] == ["mine"]
        await verbs.remove("mine")
        assert await verbs.list_servers() == {"servers": []}


async def test_a_reload_is_the_daemons(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        assert (await OnlineVerbs(site.running).config_reload())["unchanged"] == 2
