"""The guarded transport: which addresses are dialled, and how often a name is looked up."""

from __future__ import annotations

import httpx
import pytest

from gateway.errors import RefusedByPolicy
from gateway.net.guard import GuardedTransport, guarded_client, public_addresses
from tests.net.web import Page, serving


class Dialled(httpx.AsyncBaseTransport):
    """Stands where the network is: notes each request, answers as scripted by host."""

    def __init__(self, answers: dict[str, httpx.Response | Exception] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.answers = answers or {}
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.host, httpx.Response(200, text="hello"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        self.closed = True


class Names:
    """A resolver that answers each lookup with the next scripted list."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client_of(names: Names, wire: Dialled, trusted: tuple[str, ...] = ()) -> httpx.AsyncClient:
    transport = GuardedTransport(trusted_origins=trusted, resolver=names, make_inner=lambda: wire)
    return httpx.AsyncClient(transport=transport, follow_redirects=True, trust_env=False)


async def test_the_resolved_address_is_dialled_while_host_and_tls_keep_the_name() -> None:
    wire = Dialled()
    async with client_of(Names(["93.184.216.34"]), wire) as client:
        await client.get("https://bundles.example/x")
    (request,) = wire.requests
    assert (request.url.host, request.headers["host"], request.extensions["sni_hostname"]) == (
        "93.184.216.34",
        "bundles.example",
        "bundles.example",
    )


async def test_a_name_is_resolved_once_so_a_second_answer_cannot_rebind_it() -> None:
    names, wire = Names(["93.184.216.34"], ["127.0.0.1"]), Dialled()
    async with client_of(names, wire) as client:
        await client.get("https://rebind.example/")
    assert names.asked == ["rebind.example"]
    assert wire.requests[0].url.host == "93.184.216.34"


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["64:ff9b::a9fe:a9fe"]])
async def test_a_name_with_any_private_address_is_never_dialled(addresses: list[str]) -> None:
    wire = Dialled()
    async with client_of(Names(addresses), wire) as client:
        with pytest.raises(RefusedByPolicy, match="not a public address"):
            await client.get("https://evil.example/")
    assert wire.requests == []


async def test_a_refusal_is_a_failed_connection_for_those_who_know_httpx_only() -> None:
    async with client_of(Names(["127.0.0.1"]), Dialled()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("https://evil.example/")


async def test_a_redirect_into_the_local_network_is_refused_at_its_hop() -> None:
    away = httpx.Response(302, headers={"location": "https://169.254.169.254/latest/meta-data"})
    wire = Dialled({"93.184.216.34": away})
    names = Names(["93.184.216.34"], ["169.254.169.254"])
    async with client_of(names, wire) as client:
        with pytest.raises(RefusedByPolicy, match="cloud metadata"):
            await client.get("https://bundles.example/x")
    assert len(wire.requests) == 1


async def test_a_redirect_to_plain_http_is_refused() -> None:
    wire = Dialled({"93.184.216.34": httpx.Response(302, headers={"location": "http://127.0.0.1/"})})
    async with client_of(Names(["93.184.216.34"]), wire) as client:
        with pytest.raises(RefusedByPolicy, match="only https"):
            await client.get("https://bundles.example/x")


async def test_the_next_address_is_tried_when_the_first_does_not_connect() -> None:
    wire = Dialled({"93.184.216.34": httpx.ConnectError("refused")})
    async with client_of(Names(["93.184.216.34", "1.1.1.1"]), wire) as client:
        assert (await client.get("https://two.example/")).text == "hello"


async def test_a_trusted_origin_is_reached_without_any_lookup_of_ours() -> None:
    names, wire = Names([]), Dialled()
    async with client_of(names, wire, trusted=("http://127.0.0.1:9",)) as client:
        await client.get("http://127.0.0.1:9/x")
    assert (names.asked, wire.requests[0].url.host) == ([], "127.0.0.1")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1", "[::1]", "[::ffff:a9fe:a9fe]"]
)
async def test_every_spelling_of_a_local_address_is_refused_by_the_real_resolver(host: str) -> None:
    async with guarded_client() as client:
        with pytest.raises((RefusedByPolicy, httpx.ConnectError, httpx.InvalidURL)):
            await client.get(f"https://{host}/")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "１２７.０.０.１", "localhost"])
async def test_a_name_that_the_system_takes_for_a_local_address_is_judged_by_that_address(host: str) -> None:
    with pytest.raises((RefusedByPolicy, httpx.ConnectError)):
        await public_addresses(host, 443)


async def test_full_width_digits_of_a_local_address_are_refused() -> None:
    async with guarded_client() as client:
        with pytest.raises((RefusedByPolicy, httpx.ConnectError, httpx.InvalidURL)):
            await client.get("https://１２７.０.０.１/")


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"/x": Page(body=b"direct")}) as web:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        async with guarded_client(trusted_origins=[web.url]) as client:
            assert (await client.get(web.url + "/x")).content == b"direct"


async def test_each_origin_has_connections_of_its_own_and_all_are_closed() -> None:
    made: list[Dialled] = []

    def make() -> Dialled:
        made.append(Dialled())
        return made[-1]

    transport = GuardedTransport(resolver=Names(["93.184.216.34"]), make_inner=make)
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get("https://one.example/")
        await client.get("https://two.example/")
    assert [wire.closed for wire in made] == [True, True]


async def test_a_name_without_addresses_is_a_connection_error() -> None:
    with pytest.raises(httpx.ConnectError):
        await public_addresses("empty.example", 443, Names([]))


async def test_a_name_that_cannot_be_resolved_is_a_connection_error() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError(8, "unknown name")

    with pytest.raises(httpx.ConnectError):
        await public_addresses("nowhere.example", 443, unknown)
