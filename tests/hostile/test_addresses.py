"""Addresses given by strangers that lead into the local network: refused at the plan, at the dial and at each hop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.errors import GatewayError, RefusedByPolicy, UsageError
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import Reference, parse_reference
from gateway.install.planning.rules import Rules
from gateway.listing import BundleConnection, Listing, RemoteConnection
from gateway.model import Origin, RemoteLaunch, ServerName
from gateway.net.fetch import Fetcher
from gateway.net.guard import GuardedTransport, guarded_client
from gateway.supervisor.talking.remote import RemoteConnection as RemoteChild
from tests.hostile.places import nothing_written
from tests.install.site import workshop
from tests.install.values import MACHINE, NOW, listing
from tests.install.zips import NODE_SERVER, manifest, write_bundle
from tests.net.web import Page, Web, serving

HOSTS = [
    "169.254.169.254",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[::1]",
    "[::]",
    "[::a00:1]",
    "[fe80::1%25eth0]",
    "[fec0::1]",
    "[fd00::1]",
    "0x7f000001",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "127.1",
    "127.0.0.1",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "192.168.1.1",
    "192.0.0.192",
    "224.0.0.1",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "\uff11\uff12\uff17\u3002\uff10\u3002\uff10\u3002\uff11",
    "localhost",
    "LOCALHOST.",
    "app.localhost",
    "printer.local",
    "printer.local.",
    "metadata.google.internal",
    "router.lan",
    "intranet",
]
URLS = [
    *(f"https://{host}/b.mcpb" for host in HOSTS),
    "https://user:secret@example.com/b.mcpb",
    "https://example.com@127.0.0.1/b.mcpb",
    "https://127.0.0.1:8443/b.mcpb",
    "http://example.com/b.mcpb",
    "http://169.254.169.254/latest/meta-data",
    "https:///b.mcpb",
    "https://exa\nmple.com/b.mcpb",
    "https://example.com:99999/b.mcpb",
]


class Wire(httpx.AsyncBaseTransport):
    """Stands where the network is; nothing hostile may reach it."""

    def __init__(self, answer: httpx.Response | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer or httpx.Response(200, stream=httpx.ByteStream(b"reached"))


class Names:
    """A resolver that gives each look-up the next answer; the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[str]:
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def client(names: Names, wire: Wire) -> httpx.AsyncClient:
    transport = GuardedTransport(resolver=names, make_inner=lambda: wire)
    return httpx.AsyncClient(transport=transport, trust_env=False)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving({}) as running:
        yield running


def refused(root: Path, target: Listing | Reference, origin: Origin) -> None:
    """Plan it, which must be refused at once: nothing is written, nothing is fetched or started (plans do no I/O)."""
    (root / "watched").write_text("untouched")
    with nothing_written(root), pytest.raises((RefusedByPolicy, UsageError), match="address") as caught:
        make_plan(target, name="thing", settings={}, machine=MACHINE, rules=Rules(), now=NOW, origin=origin)
    assert caught.value.message
    assert "user:secret" not in caught.value.message


@pytest.mark.parametrize("url", URLS)
def test_a_bundle_of_a_registry_is_not_fetched_from_there(tmp_path: Path, url: str) -> None:
    connection = BundleConnection(url, "node", sha256="0" * 64)
    refused(tmp_path, listing(connection, updated_at="2020-01-01T00:00:00Z"), Origin.DISCOVER)


@pytest.mark.parametrize("url", URLS)
def test_a_bundle_named_by_its_address_is_not_fetched_from_there(tmp_path: Path, url: str) -> None:
    try:
        reference = parse_reference(f"mcpb:{url}")
    except UsageError:
        return  # refused even earlier
    refused(tmp_path, reference, Origin.AGENT)


@pytest.mark.parametrize("url", URLS)
def test_a_remote_server_of_a_registry_is_not_connected_to_there(tmp_path: Path, url: str) -> None:
    refused(tmp_path, listing(RemoteConnection(url)), Origin.CLI)


@pytest.mark.parametrize("url", URLS)
async def test_a_file_is_not_downloaded_from_there_whoever_asks(tmp_path: Path, url: str) -> None:
    wire = Wire()
    async with client(Names("127.0.0.1"), wire) as http:
        with pytest.raises(GatewayError) as caught:
            await Fetcher(http).fetch(url, to=tmp_path / "b", max_bytes=1000)
    assert wire.requests == []
    assert not (tmp_path / "b").exists()
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("url", URLS)
async def test_a_child_that_runs_elsewhere_is_not_spoken_to_there(url: str) -> None:
    wire = Wire()
    child = RemoteChild(
        ServerName("far"),
        RemoteLaunch(url, {"Authorization": "Bearer k"}),
        {},
        version="1",
        on_told=lambda *_: None,
        transport=lambda: GuardedTransport(resolver=Names("127.0.0.1"), make_inner=lambda: wire),
        start_timeout_s=5.0,
    )
    try:
        with pytest.raises((GatewayError, httpx.HTTPError, httpx.InvalidURL)):
            await child.open()
    finally:
        await child.close(grace_s=1.0)
    assert wire.requests == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"]
)
async def test_an_honest_name_that_resolves_to_such_an_address_is_not_dialled(tmp_path: Path, address: str) -> None:
    wire = Wire()
    async with client(Names(address), wire) as http:
        with pytest.raises(RefusedByPolicy, match="not a public address"):
            await Fetcher(http).fetch("https://bundles.example/b", to=tmp_path / "b", max_bytes=1000)
    assert wire.requests == []


async def test_a_name_that_turns_local_at_the_second_lookup_is_dialled_once_and_then_refused(tmp_path: Path) -> None:
    wire = Wire()
    async with client(Names("93.184.216.34", "127.0.0.1"), wire) as http:
        await Fetcher(http).fetch("https://rebind.example/b", to=tmp_path / "b", max_bytes=1000)
        with pytest.raises(RefusedByPolicy, match="loopback"):
            await Fetcher(http).fetch("https://rebind.example/b", to=tmp_path / "c", max_bytes=1000)
    assert [request.url.host for request in wire.requests] == ["93.184.216.34"]


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1/", "https://169.254.169.254/latest", "https://localhost/", "file:///etc/passwd"]
)
async def test_a_redirect_to_there_is_refused_at_its_hop(tmp_path: Path, place: str) -> None:
    wire = Wire(httpx.Response(302, headers={"location": place}))
    async with client(Names("93.184.216.34"), wire) as http:
        with pytest.raises(GatewayError):
            await Fetcher(http).fetch("https://bundles.example/b", to=tmp_path / "b", max_bytes=1000)
    assert len(wire.requests) == 1
    assert not (tmp_path / "b").exists()


async def test_a_trusted_registry_that_redirects_into_the_local_network_is_not_followed(
    tmp_path: Path, web: Web
) -> None:
    with serving({"/secret": Page(body=b"metadata")}) as inside:
        web.pages["/b"] = Page(302, headers={"Location": f"{inside.url}/secret"})
        async with guarded_client(trusted_origins=[web.url], follow_redirects=False) as http:
            with pytest.raises(RefusedByPolicy):
                await Fetcher(http).fetch(f"{web.url}/b", to=tmp_path / "b", max_bytes=1000)
        assert inside.seen == []


async def test_a_key_goes_to_the_registrys_own_origin_and_to_no_neighbour_of_it(tmp_path: Path, web: Web) -> None:
    with serving({"/b": Page(body=b"x")}) as neighbour:  # the same host, another port
        web.pages |= {"/b": Page(body=b"x"), "/away": Page(302, headers={"Location": f"{neighbour.url}/b"})}
        async with guarded_client(trusted_origins=[web.url, neighbour.url], follow_redirects=False) as http:
            fetcher = Fetcher(http, origin_headers=lambda: {web.url: {"Authorization": "Bearer key"}})
            for url in (f"{web.url}/b", f"{web.url}/away", f"{neighbour.url}/b"):
                await fetcher.fetch(url, to=tmp_path / "b", max_bytes=1000, authorize=True)
        assert [seen[1].get("authorization") for seen in neighbour.seen] == [None, None]
        assert {seen[1].get("authorization") for seen in web.seen} == {"Bearer key"}


@pytest.mark.process
@pytest.mark.timeout(120)
async def test_the_operators_own_registry_on_loopback_works_in_the_same_session(tmp_path: Path, web: Web) -> None:
    bundle = write_bundle(tmp_path / "b.mcpb", manifest(), {"server/index.js": NODE_SERVER})
    web.pages["/b.mcpb"] = Page(body=bundle.read_bytes())
    found = listing(BundleConnection(f"{web.url}/b.mcpb", "node"), updated_at="2020-01-01T00:00:00Z")
    async with workshop(tmp_path / "state", trusted=(web.url,)) as shop:
        plan = shop.plan(found, rules=Rules(trusted_origins=(web.url,)))
        async with shop.installer.working(plan.name):
            fetched = await shop.installer.fetch(plan)
        with pytest.raises(GatewayError):
            shop.plan(found)
    assert fetched.result.version == "1.2.3"
    assert [path for path, _ in web.seen] == ["/b.mcpb"]
