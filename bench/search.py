"""Searching a catalogue of 20,000 servers without the network: how long the store and the whole verb take.

    python bench/search.py [--servers 20000] [--queries 240] [--rounds 3] [--seed 1]

The servers are made up (their words are not: what a catalogue of MCP servers talks about, in several scripts, with a
few words that nearly everybody uses), kept in a store of their own, and searched the way `mcp-gateway search
--offline` does. The queries are of many kinds: one word, several, unfinished words, names, typing errors, Chinese,
Cyrillic, words that stand in every listing, nonsense, and hostile text. Printed: the time to fill the store, median,
99th percentile and worst time of the store's part and of the whole verb, by kind of query, and the machine's load.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gateway.clock import SystemClock  # noqa: E402
from gateway.daemon.options import ServeOptions  # noqa: E402
from gateway.daemon.setup import read_setup  # noqa: E402
from gateway.daemon.workshop import Current, open_parts  # noqa: E402
from gateway.listing import InputSpec, ListedTool, Listing, PackageConnection, RemoteConnection  # noqa: E402
from gateway.model import Source  # noqa: E402
from gateway.store.catalogue import Catalogue  # noqa: E402
from gateway.verbs.catalogue import search  # noqa: E402
from gateway.verbs.parts import Parts  # noqa: E402

THINGS = tuple(
    re.findall(
        r"\S+",
        "weather forecast calendar email github gitlab jira slack notion postgres mysql sqlite redis mongodb kafka s3"
        " bucket docker kubernetes terraform aws azure gcp cloudflare stripe paypal invoice payment shopify order"
        " product customer crm salesforce hubspot lead ticket zendesk support chat discord telegram whatsapp sms"
        " twilio phone voice speech audio music spotify video youtube image photo picture figma design sketch diagram"
        " mermaid chart graph plot spreadsheet excel csv pdf word document markdown wiki confluence note memory"
        " knowledge vector embedding search browser playwright puppeteer crawl scrape page website html dom screenshot"
        " http request api openapi graphql grpc webhook queue job cron schedule task todo reminder timer clock"
        " timezone date math calculator equation symbolic statistics dataframe pandas notebook jupyter python"
        " javascript typescript rust golang java code review lint format test coverage debug trace log metric"
        " prometheus grafana alert incident pagerduty sentry error security vulnerability scan secret token vault"
        " oauth identity user role permission audit compliance legal contract stock crypto bitcoin ethereum wallet"
        " exchange price market finance bank budget tax insurance health medical patient fitness sleep recipe food"
        " restaurant travel flight hotel map route location geocode satellite traffic train bus car battery solar"
        " energy sensor iot home light thermostat robot drone printer game chess poker dice quiz story poem"
        " translation language dictionary grammar spelling sentiment summary news rss podcast book library arxiv paper"
        " citation patent genome protein molecule chemistry physics astronomy earthquake ocean climate farm plant"
        " animal filesystem folder archive zip backup sync ftp ssh terminal shell command process memory network dns"
        " domain whois certificate proxy vpn firewall packet wifi bluetooth",
    )
)
DOING = tuple(
    re.findall(
        r"\S+",
        "read write list get create update delete find search query fetch send post watch analyze convert export"
        " import generate summarize translate extract monitor deploy run execute validate compare merge schedule",
    )
)
FILLER = (
    "A server that lets agents {} and {} {} through the {} service. Works with {} and {}, supports {} {}, and needs"
    " no extra setup. Tools for {} included; ask your assistant to {} any {}."
)
CHINESE = tuple(
    re.findall(
        r"\S+",
        "天气预报 地图导航 股票行情 数据库查询 文件管理 网页抓取 翻译助手 日历提醒 图像生成 语音识别 代码审查"
        " 知识库检索",
    )
)
JAPANESE = tuple(
    re.findall(
        r"\S+",
        "天気予報を調べる ファイルを検索する カレンダーを管理する 翻訳サービス 画像を生成する",
    )
)
CYRILLIC = tuple(
    re.findall(
        r"\S+",
        "погода прогноз перевод файлы поиск календарь почта база данных карта новости",
    )
)
ENDINGS = ("mcp", "server", "mcp-server", "agent", "tools", "connector", "bridge")


def catalogue_of(count: int, rng: random.Random) -> list[Listing]:
    """Made-up listings: few owners have many servers, few servers have most of the use."""
    owners = [f"{rng.choice(THINGS)}{rng.choice(['labs', 'hq', '-dev', 'io', ''])}{n}" for n in range(count // 5)]
    return [_listing(n, owners[int(len(owners) * rng.random() ** 3)], rng) for n in range(count)]


def _listing(number: int, owner: str, rng: random.Random) -> Listing:
    thing, other = rng.choice(THINGS), rng.choice(THINGS)
    last = f"{thing}-{other}-{number}" if rng.random() < 0.7 else f"{thing}-{rng.choice(ENDINGS)}"
    registry = rng.random() < 0.5
    members: dict[str, Any] = {
        "display_name": f"{thing.title()} {other.title()}",
        "description": _description(thing, rng),
        "verified": rng.random() < 0.05,
        "version": f"{rng.randint(0, 3)}.{rng.randint(0, 20)}.0",
        "owner": owner,
        "repository": f"https://github.com/{owner}/{last}",
        "updated_at": f"2026-{rng.randint(1, 11):02}-{rng.randint(1, 28):02}T10:00:00Z",
        "fetched_at": 1_790_000_000.0,
        "remote": rng.random() < 0.4,
    }
    if rng.random() < 0.6:
        members |= {"connections": _connections(last, rng), "tools": _tools(thing, rng)}
    if registry:
        return Listing(source=Source.REGISTRY, name=f"io.github.{owner}/{last}", **members)
    return Listing(
        source=Source.SMITHERY, name=f"{owner}/{last}", use_count=int(10 ** (rng.random() ** 3 * 6)), **members
    )


def _description(thing: str, rng: random.Random) -> str:
    share = rng.random()
    if share < 0.06:
        return "".join(rng.choice(CHINESE) for _ in range(4)) + f"，支持{thing}。"
    if share < 0.08:
        return "".join(rng.choice(JAPANESE) for _ in range(2))
    if share < 0.1:
        return " ".join(rng.choice(CYRILLIC) for _ in range(12))
    some = [
        rng.choice(DOING),
        rng.choice(DOING),
        thing,
        *(rng.choice(THINGS) for _ in range(6)),
        rng.choice(DOING),
        thing,
    ]
    return FILLER.format(*some)


def _connections(last: str, rng: random.Random) -> tuple[PackageConnection | RemoteConnection, ...]:
    if rng.random() < 0.4:
        return (RemoteConnection(f"https://{last}.example/mcp", headers=(InputSpec("Authorization", secret=True),)),)
    key = InputSpec(f"{last.upper()}_API_KEY", "The key of the service", required=True, secret=True)
    return (PackageConnection(rng.choice(("npm", "pypi")), last, "1.0.0", environment=(key,)),)


def _tools(thing: str, rng: random.Random) -> tuple[ListedTool, ...]:
    schema = {"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}}
    return tuple(
        ListedTool(
            f"{rng.choice(DOING)}_{thing}_{rng.choice(THINGS)}", f"Use it to {rng.choice(DOING)} {thing}.", schema
        )
        for _ in range(rng.randint(1, 12))
    )


ONE_WORD, SEVERAL, UNFINISHED, NAMES, SLIPS = "one word", "several words", "unfinished", "names", "typing errors"
SCRIPTS, EVERYWHERE, NONSENSE, HOSTILE = "other scripts", "words of all", "nonsense", "hostile"
HOSTILE_TEXTS = (
    '"', "weather*", "NEAR(weather, 3)", "a AND b OR NOT c", "w_name : weather", "^github", "we\x00ather",
    "'; DROP TABLE x", "(((", "-weather +git", " ".join(f"word{n}" for n in range(500)), "\u202eweather", "%",
    "*" * 300,
)  # fmt: skip


def queries_of(listings: Sequence[Listing], count: int, rng: random.Random) -> list[tuple[str, str]]:
    """(kind, query) pairs of many kinds, the usual kinds more often."""
    kinds = {
        ONE_WORD: lambda: rng.choice(THINGS),
        SEVERAL: lambda: " ".join(rng.sample(THINGS, rng.randint(2, 3)) + rng.sample(DOING, rng.randint(0, 2))),
        UNFINISHED: lambda: f"{rng.choice(DOING)} {rng.choice(THINGS)[: rng.randint(3, 5)]}",
        NAMES: lambda: rng.choice(listings).name,
        SLIPS: lambda: _slip(rng.choice(THINGS), rng),
        SCRIPTS: lambda: rng.choice((rng.choice(CHINESE)[:2], rng.choice((*CHINESE, *JAPANESE, *CYRILLIC)))),
        EVERYWHERE: lambda: rng.choice(("server", "mcp server", "tools", "agents", "works with", "github server", "")),
        NONSENSE: lambda: "".join(rng.choice("qxzjkvw") for _ in range(9)),
        HOSTILE: lambda: rng.choice(HOSTILE_TEXTS),
    }  # fmt: skip
    weights = {
        ONE_WORD: 6,
        SEVERAL: 6,
        UNFINISHED: 3,
        NAMES: 3,
        SLIPS: 2,
        SCRIPTS: 2,
        EVERYWHERE: 1,
        NONSENSE: 1,
        HOSTILE: 2,
    }
    chosen = rng.choices([*kinds], [weights[kind] for kind in kinds], k=count)
    return [(kind, kinds[kind]()) for kind in chosen]


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    return word[:at] + word[at + 1 :] if len(word) > 4 else f"{word}{rng.choice('aeiou')}"


async def measure(options: argparse.Namespace) -> None:
    """Fill a store, search it, print the table."""
    rng = random.Random(options.seed)
    listings = catalogue_of(options.servers, rng)
    queries = queries_of(listings, options.queries, rng)
    with tempfile.TemporaryDirectory() as folder:
        setup = read_setup(ServeOptions(state_dir=Path(folder) / "state"), {"PATH": os.environ["PATH"]})
        setup.state.prepare()
        opened = open_parts(setup, Current(setup.config), clock=SystemClock(), rng=rng, url="http://127.0.0.1:1/mcp")
        async with opened as parts:
            begin = time.perf_counter()
            await Catalogue(parts.db).put_listings(listings)
            size = sum(file.stat().st_size for file in setup.state.root.glob("gateway.db*")) / 2**20
            print(f"{len(listings)} listings kept in {time.perf_counter() - begin:.1f} s; the store has {size:.0f} MiB")
            await report(parts, queries, options.rounds)


async def report(parts: Parts, queries: Sequence[tuple[str, str]], rounds: int) -> None:
    """Search and print."""
    catalogue = Catalogue(parts.db)

    async def store(query: str) -> int:
        return len(await catalogue.find(query))

    async def verb(query: str) -> int:
        return len((await search(parts, query, offline=True))["items"])

    print(f"{len(queries)} queries, {rounds} rounds; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for title, ask in (("the store", store), ("the verb", verb)):
        times: dict[str, list[float]] = defaultdict(list)
        hits: dict[str, list[int]] = defaultdict(list)
        await ask(queries[0][1])  # probes of the machine and compiled SQL are paid once, not by every search
        burnt = time.process_time()
        for kind, query in [*queries] * rounds:
            begin = time.perf_counter()
            found = await ask(query)
            times[kind].append(1000.0 * (time.perf_counter() - begin))
            hits[kind].append(found)
        mean = 1000.0 * (time.process_time() - burnt) / (len(queries) * rounds)
        for kind in sorted(times):
            print(line(f"{title}, {kind}", times[kind], hits[kind]))
        print(
            line(
                f"{title}, ALL",
                [t for some in times.values() for t in some],
                [n for some in hits.values() for n in some],
            )
        )
        print(f"  {title}: {mean:.2f} ms of processor time a search, whatever else the machine does")


def line(title: str, times: list[float], hits: list[int]) -> str:
    """One row of the table."""
    times.sort()
    median, slow = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.99))]
    return (
        f"  {title:28} {len(times):5} searches  median {median:6.2f} ms  p99 {slow:6.2f} ms  worst {times[-1]:6.2f} ms"
        f"  {statistics.fmean(hits):5.1f} hits"
    )


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    anyio.run(measure, parser.parse_args())
    return 0


if __name__ == "__main__":
    sys.exit(main())
