"""Single rooms; the whole house is in test_house.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config
from gateway.daemon.rooms import Site, app_of, metrics_of, reloader_of
from gateway.daemon.workshop import Current
from gateway.endpoint.health import Readiness
from tests.daemon.test_house import ask, open_house, site_of, token


def current(site: Site) -> Current:
    return Current(site.setup.config)


async def test_what_is_served_asks_for_readiness_when_it_is_asked(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        site, answers = site_of(tmp_path), [Readiness(ready=False, details={}), Readiness(ready=True, details={})]
        metrics = metrics_of(site, house.endpoint, house.supervisor)
        house.app = app_of(
            site, current(site), house.parts, house.endpoint, house.verbs, metrics, lambda: answers.pop(0)
        )
        assert [(await ask(house, "/readyz")).status_code for _ in range(2)] == [503, 200]
        assert (await ask(house, "/metrics", token(house))).status_code == 200


@pytest.mark.parametrize("text", ["[gateway]\ndrain_s = 7.0\n"])
async def test_a_reload_hands_on_what_it_read(tmp_path: Path, text: str) -> None:
    seen: list[Config] = []

    async def apply(config: Config) -> None:
        seen.append(config)

    async with open_house(tmp_path) as house:
        site = site_of(tmp_path)
        (tmp_path / "config.toml").write_text(text)
        await reloader_of(site, current(site), house.parts, apply)()
    assert [config.gateway.drain_s for config in seen] == [7.0]
