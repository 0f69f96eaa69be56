"""Rules that find vacancies, candidates that fail, and servers whose rule is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from gateway.config import Config
from gateway.config.registries import DiscoverRule
from gateway.daemon.candidates import FIRST_WAIT_S, Candidates
from gateway.daemon.discover import ORPHAN
from gateway.daemon.filling import LOST_S, Filler
from gateway.daemon.notes import Notes
from gateway.discovery.finder import Finder
from gateway.listing import Listing
from gateway.model import ServerName
from gateway.store.catalogue import Catalogue
from gateway.verbs.removing import remove
from tests.verbs.fakes import DownSource, Shop, bundle, bundle_listing, bundle_url, open_shop, remote_listing

A, B = ServerName("weather-a"), ServerName("weather-b")
BEST_FIRST = [remote_listing(f"acme/weather-{letter}", use_count=10**n) for n, letter in ((9, "a"), (6, "b"), (3, "c"))]


class Filled:
    """A shop with rules, and how long its servers have been down."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.down_s: dict[ServerName, float] = {}
        self.filler = self.restarted()

    def restarted(self) -> Filler:
        """As the next daemon finds it."""
        root = self.shop.root
        return Filler(
            self.shop.parts,
            Notes(root / "notes.json"),
            Candidates(root / "candidates.json"),
            tell=lambda _, __: None,
            down_s=lambda name: self.down_s.get(name, 0.0),
        )

    async def round(self, *rules: DiscoverRule) -> list[str]:
        """Look at these rules; returns the servers that are here then."""
        self.shop.config = Config(discover=rules)
        await self.filler.round()
        return [str(server.spec.name) for server in await self.shop.parts.installed.all()]

    def reasons(self) -> str:
        """Why vacancies stay open."""
        return " | ".join(reason for row in self.filler.vacancies for reason in row["reasons"])


@asynccontextmanager
async def filled(folder: Path, found: Sequence[Listing] = BEST_FIRST) -> AsyncIterator[Filled]:
    async with open_shop(folder, {"smithery": found}) as shop:
        yield Filled(shop)


def weather(query: str = "weather", limit: int = 1, **more: object) -> DiscoverRule:
    return DiscoverRule(query, limit, **more)  # type: ignore[arg-type]


async def test_a_filled_rule_has_no_vacancy_to_tell(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        assert await it.round(weather()) == [A]
        assert it.filler.vacancies == []


async def test_a_vacancy_that_nothing_fills_says_how_much_is_missing_and_why(tmp_path: Path) -> None:
    locked = remote_listing("acme/weather-locked", wants="X-Api-Key")
    async with filled(tmp_path, [locked, remote_listing("acme/weather-new", verified=False)]) as it:
        await it.round(weather(limit=2))
        (row,) = it.filler.vacancies
    assert (row["need"], row["wanted"], row["have"], row["missing"]) == ("weather", 2, 0, 2)
    assert "smithery:acme/weather-locked: " in it.reasons()
    assert "X-Api-Key" in it.reasons()


async def test_with_nothing_to_choose_from_that_is_said(tmp_path: Path) -> None:
    async with filled(tmp_path, []) as it:
        await it.round(weather())
        assert "no other verified server was found" in it.reasons()


async def test_a_registry_that_is_away_is_named(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        parts = it.shop.parts
        it.shop.parts = replace(parts, finder=Finder([DownSource()], Catalogue(parts.db), it.shop.clock))
        it.filler = it.restarted()
        await it.round(weather())
        assert "smithery is down" in it.reasons()


async def test_a_server_that_has_long_not_been_ready_leaves_a_vacancy_and_stays(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        await it.round(weather())
        it.down_s[A] = LOST_S - 1
        assert await it.round(weather()) == [A]
        it.down_s[A] = LOST_S + 1
        assert await it.round(weather()) == [A, B]
        del it.down_s[A]  # it came back: one more than wanted, and none is taken away
        assert await it.round(weather()) == [A, B]


async def test_a_rule_whose_servers_all_go_bad_stops_at_twice_its_number(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        for name in (A, B):
            await it.round(weather())
            it.down_s[name] = LOST_S + 1
        assert await it.round(weather()) == [A, B]
        assert "remove those that fail" in it.reasons()


async def test_a_candidate_that_failed_is_not_tried_again_at_once_but_later(tmp_path: Path) -> None:
    broken = bundle_listing("acme/weather-bad", use_count=10**9)
    async with filled(tmp_path, [broken]) as it:
        shop = it.shop
        shop.fetch.shelf[bundle_url("acme/weather-bad")] = bundle(tmp_path).read_bytes()
        shop.try_out.broken.add("weather-bad")
        await it.round(weather())
        assert len(shop.try_out.tried) == 1
        it.filler = it.restarted()
        await it.round(weather())
        assert len(shop.try_out.tried) == 1
        assert "failed and waits until" in it.reasons()
        shop.try_out.broken.clear()
        shop.clock.advance(FIRST_WAIT_S + 1)
        assert await it.round(weather()) == ["weather-bad"]


async def test_a_server_whose_rule_is_gone_stays_and_says_so(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        await it.round(weather())
        assert await it.round() == [A]
        (server,) = await it.shop.parts.installed.all()
        assert server.note == ORPHAN
        assert await it.round(weather()) == [A]  # the rule is back, and has its server
        (server,) = await it.shop.parts.installed.all()
        assert server.note == ""


async def test_a_rule_in_other_words_takes_over_what_it_would_install(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        await it.round(weather())
        assert await it.round(weather("weather runs elsewhere")) == [A]
        assert it.filler.vacancies == []
        (server,) = await it.shop.parts.installed.all()
        assert server.note == ""


async def test_a_rule_in_other_words_that_denies_a_server_gets_another(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        await it.round(weather())
        assert await it.round(weather("weather runs elsewhere", deny=("acme/weather-a",))) == [A, B]
        notes = {server.spec.name: server.note for server in await it.shop.parts.installed.all()}
        assert notes == {A: ORPHAN, B: ""}


async def test_what_a_person_removed_is_replaced_by_the_best_there_is(tmp_path: Path) -> None:
    async with filled(tmp_path) as it:
        await it.round(weather())
        await remove(it.shop.parts, A)
        assert await it.round(weather(deny=("acme/weather-a",))) == [B]


async def test_a_listing_that_breaks_us_leaves_a_vacancy_and_ends_nothing(tmp_path: Path) -> None:
    async with filled(tmp_path) as site:
        site.shop.try_out.error = TypeError("unhashable type: 'list'")
        assert await site.round(weather()) == []
        assert "the log has it" in site.reasons()
