"""Names that are no names, through every door by which a name comes in: refused, in one clear line, leaving nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.admin.api import build_admin
from gateway.cli.app import run
from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.config.registries import DiscoverRule
from gateway.config.server import ServerSection
from gateway.daemon.downtime import Downtime
from gateway.daemon.installs import build_installs
from gateway.errors import GatewayError, UsageError
from gateway.install.planning.plan import make_plan
from gateway.install.planning.rules import Rules
from gateway.listing import BundleConnection, InputSpec, Listing, PackageConnection
from gateway.model import Caller, Origin, Source
from gateway.verbs.all import OnlineVerbs
from gateway.verbs.builtin import BuiltinVerbs
from tests.admin.fakes import ui_keys
from tests.hostile.places import nothing_written, trapped_programs
from tests.install.values import MACHINE, NOW, listing
from tests.verbs.fakes import Shop, bundle_listing, open_shop
from tests.verbs.running import open_site

NAMES = [
    "../../x", "@a/b/../../c", "a/../../b", "/etc/passwd", "./x", "~/.ssh", "%2e%2e/x", "..", "a/..", "C:\\windows",
    "a;id", "a&&id", "a|id", "$(id)", "`id`", "a b", "a'b", 'a"b', "*", "a\nb", "a\rb", "a\tb", "a\0b", "a\x1b[31m",
    "-e", "--help", "-", "--", "-rf", "a" * 10_000, "acme/" + "b" * 500,
    "acme/\u202egpj.exe", "acme/\u0435cho", "\u0430cme/echo", "acme/ech\uff4f", "acme/e\u200bcho", "acme/echo\ufe0f",
    "acme/" + "".join(chr(0xE0000 + ord(c)) for c in "x"), "\ud800",
    "git+https://github.com/a/b", "git+ssh://git@github.com/a/b", "git://x/y", "github:a/b", "file:/etc/passwd",
    "file:../x", "link:../x", "workspace:*", "http://evil.example/x.tgz", "https://evil.example/x.tgz", "ftp://x/y",
    "npm:alias@npm:evil@1.0.0", "npm:x@latest", "npm:x@^1.0.0", "npm:x@1.x", "npm:x@git+https://x/y", "npm:-e",
    "npm:--registry=http://evil.example", "npm:@a/../b", "npm:../x", "npm:a/b/c", "npm:.hidden", "npm:UPPER", "npm:",
    "npm:x@file:../y", "npm:x;id", "npm:\u0430xios",
    "pypi:x @ https://evil.example/x.whl", "pypi:-r/etc/passwd", "pypi:--index-url=http://evil.example", "pypi:x==1.*",
    "pypi:x>=1", "pypi:../x", "pypi:x[--extra]", "pypi:x; python_version>'3'", "pypi:x\n-e .", "pypi:",
    "mcpb:-x", "mcpb:ftp://x/y.mcpb", "mcpb:http://evil.example/x.mcpb", "mcpb:\0", "mcpb:x#sha256=zz", "mcpb:",
    "smithery:../../x", "smithery:a/b/c", "smithery:-e", "registry:../x/../y", "registry:x", "starter:../x",
    "starter:-e", "unknown:x", "", "   ",
]  # fmt: skip
ROOT = Path(__file__).parents[2]
CALLER = Caller(principal="p", agent="ann", run="r")


def trouble_with(error: GatewayError | dict[str, Any]) -> str:
    """What is wrong with a refusal: it must be one line for a person, with something to do, and drive no terminal."""
    told = {"message": error.message, "fix": error.fix} if isinstance(error, GatewayError) else error
    message, fix = str(told.get("message")), str(told.get("fix"))
    good = message and fix and message.isprintable() and len(message) < 500
    return "" if good else f"unclear: {told!a}"[:300]


async def trouble(attempt: Callable[[str], Awaitable[object]], names: Sequence[str] = NAMES) -> dict[str, str]:
    """Try every name; returns those that were not refused, or not clearly."""
    found: dict[str, str] = {}
    for name in names:
        try:
            done = await attempt(name)
            found[name] = f"was accepted: {done}"
        except GatewayError as exc:
            if why := trouble_with(exc):
                found[name] = why
    assert len(names) > 20, "there must be something to try"
    return found


ASK_ALL = """
import contextlib, io, json, sys
from gateway.cli.app import run

for name in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run(["install", "--state-dir", sys.argv[1], "--json", "--", name])
    print(json.dumps([name, status, json.loads(out.getvalue())]))
"""


@pytest.mark.process
@pytest.mark.timeout(120)
def test_the_command_line_refuses_them_and_starts_nothing(tmp_path: Path) -> None:
    """Every program that an installation may start is a trap; asking it for its version is all that may happen."""
    bins, state, home, log = (tmp_path / name for name in ("bin", "state", "home", "log"))
    home.mkdir()
    log.mkdir()
    (log / "started").touch()
    trapped_programs(bins, log / "started")
    closed = {"SMITHERY_BASE_URL": "http://127.0.0.1:9", "MCP_REGISTRY_BASE_URL": "http://127.0.0.1:9"}
    environ = {"PATH": str(bins), "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **closed}
    with nothing_written(tmp_path, but=(state, log)):
        done = subprocess.run(
            [sys.executable, "-c", ASK_ALL, str(state)],
            env=environ, cwd=home, input=json.dumps(NAMES).encode(), capture_output=True, check=True,
        )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(NAMES)
    wrong = {
        name: (status, answer)
        for name, status, answer in answers
        if status not in {1, 2, 4} or trouble_with(answer.get("error", {}))
    }
    assert wrong == {}
    asked = {line.split(maxsplit=1)[1] for line in (log / "started").read_text().splitlines()}
    assert asked <= {"--version", "version --format {{json .}}"}
    assert {path.name for path in state.iterdir() if path.is_dir() and any(path.iterdir())} == set()


@pytest.mark.parametrize("option", ["-e", "--help-me", "--node-options=x", "--registry=http://evil.example"])
def test_an_option_in_place_of_a_name_is_no_name_either(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "watched").write_text("untouched")
    with nothing_written(tmp_path):
        assert run(["install", "--state-dir", str(tmp_path / "state"), "--json", option]) == 2
    assert trouble_with(json.loads(capsys.readouterr().out)["error"]) == ""


@asynccontextmanager
async def untouched(shop: Shop, root: Path) -> AsyncIterator[None]:
    """Inside, nothing becomes installed, nothing is fetched, started or written (but the store's own pages)."""
    before = shop.files()
    (root / "watched").write_text("untouched")
    with nothing_written(root, but=(shop.root,)):
        yield
    after = shop.files()
    assert {name: after[name] for name in after if name != "notes.json"} == before
    assert await shop.parts.installed.all() == []
    assert (shop.fetch.fetched, shop.try_out.tried) == ([], [])


async def test_the_api_refuses_them(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site, untouched(site.shop, tmp_path):
        app = build_admin(OnlineVerbs(site.running), version="1", ui=ui_keys())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:

            async def ask(name: str) -> object:
                body, headers = json.dumps({"name": name}).encode(), {"Content-Type": "application/json"}
                answer = await http.post("/api/v1/install", content=body, headers=headers)
                if not 400 <= answer.status_code < 500:
                    return answer.status_code
                error = answer.json()["error"]
                raise GatewayError(error["message"], fix=error["fix"])

            assert await trouble(ask) == {}


@pytest.mark.parametrize("on_demand", ["allow", "ask"])
async def test_an_agents_wish_for_them_is_refused(on_demand: str, tmp_path: Path) -> None:
    config = Config(install=InstallSection(on_demand=on_demand))
    async with open_site(tmp_path, config) as site, untouched(site.shop, tmp_path):
        verbs = BuiltinVerbs(lambda: site.running)
        assert await trouble(lambda name: verbs.install_server(name, CALLER)) == {}
        assert await site.shop.parts.requests.list() == []


@pytest.mark.parametrize("place", ["/etc/passwd", "../../x.mcpb", "~/x.mcpb", "C:\\x.mcpb"])
async def test_an_agent_names_no_file_of_this_machine(place: str, tmp_path: Path) -> None:
    config = Config(install=InstallSection(on_demand="allow"))
    async with open_site(tmp_path, config) as site, untouched(site.shop, tmp_path):
        with pytest.raises(GatewayError, match="by people only"):
            await BuiltinVerbs(lambda: site.running).install_server(f"mcpb:{place}", CALLER)


async def test_a_block_of_the_configuration_that_names_them_installs_nothing(tmp_path: Path) -> None:
    named = [name for name in NAMES if name.strip()]
    blocks = tuple(ServerSection(name=f"thing-{number}", from_=name) for number, name in enumerate(named))
    told: list[str] = []
    async with open_shop(tmp_path, {"smithery": []}, Config(server=blocks)) as shop, untouched(shop, tmp_path):
        installs = build_installs(
            shop.parts, shop.root, Downtime(), seeds_starter=False,
            tell=lambda name, step: told.append(name) if step["step"] == "failed" else None,
        )  # fmt: skip
        assert not await installs.round()
    assert sorted(told) == sorted(block.name for block in blocks)


BARE = [name for name in NAMES if ":" not in name]


async def test_a_rule_installs_no_listing_of_such_a_name(tmp_path: Path) -> None:
    """What a registry says is not checked by this source, so that it is checked where it is used."""
    connection = bundle_listing().connections
    found = [Listing(source=Source.SMITHERY, name=name, verified=True, connections=connection) for name in BARE]
    rule = DiscoverRule(query="", limit=1)
    async with open_shop(tmp_path, {"smithery": found}, Config(discover=(rule,))) as shop, untouched(shop, tmp_path):
        installs = build_installs(shop.parts, shop.root, Downtime(), seeds_starter=False, tell=lambda *_: None)
        await installs.round()
        (vacancy,) = installs.vacancies
    assert vacancy["reasons"]


PACKAGES = sorted(
    ({name.split(":", 1)[1] for name in NAMES if name.startswith(("npm:", "pypi:"))} | set(BARE)) - {"UPPER"}
)


@pytest.mark.parametrize("registry", ["npm", "pypi"])
@pytest.mark.parametrize("identifier", PACKAGES, ids=lambda name: ascii(name)[:40])
def test_a_package_that_a_listing_names(identifier: str, registry: str) -> None:
    connection = PackageConnection(registry, identifier, version="1.0.0")
    with pytest.raises(GatewayError) as caught:
        plan(listing(connection))
    assert trouble_with(caught.value) == ""


@pytest.mark.parametrize(
    "version", ["latest", "^1.0.0", "*", "1.0.0 || 2", "file:../x", "git+https://x", "1.0.0;id", "-e", "1.0.0\n"]
)
@pytest.mark.parametrize("registry", ["npm", "pypi"])
def test_a_version_that_a_listing_names(version: str, registry: str) -> None:
    with pytest.raises(GatewayError) as caught:
        plan(listing(PackageConnection(registry, "thing", version=version)))
    assert trouble_with(caught.value) == ""


FLAGS = [
    "-e", "--eval", "-p", "-r", "--require", "--import", "--loader", "-c", "--call", "--node-options", "--registry",
    "--index-url", "--extra-index-url", "--find-links", "--with", "--from", "--package", "--prefix", "--inspect",
    "--env-file", "--userconfig", "--script-shell", "anything",
]  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("kind", ["named", "positional"])
def test_an_argument_for_the_launcher(flag: str, kind: str) -> None:
    argument = InputSpec(flag if kind == "named" else "x", value="1" if kind == "named" else flag, kind=kind)
    with pytest.raises(GatewayError) as caught:
        plan(listing(PackageConnection("npm", "thing", version="1.0.0", runtime_arguments=(argument,))))
    assert trouble_with(caught.value) == ""


VARIABLES = [
    "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS", "NODE_PATH", "PYTHONPATH",
    "PYTHONSTARTUP", "PATH", "HOME", "NPM_CONFIG_REGISTRY", "npm_config_registry", "UV_INDEX_URL", "PIP_INDEX_URL",
    "GIT_SSH_COMMAND", "BASH_ENV", "ENV", "IFS", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "A=B", "A B", "A\0", "1A",
    "\u0410", "",
]  # fmt: skip


@pytest.mark.parametrize("variable", VARIABLES, ids=ascii)
def test_a_variable_that_a_listing_sets(variable: str) -> None:
    spec = InputSpec(variable, value="evil")
    with pytest.raises(GatewayError) as caught:
        plan(listing(PackageConnection("npm", "thing", version="1.0.0", environment=(spec,))))
    assert trouble_with(caught.value) == ""


@pytest.mark.parametrize("name", ["gateway", "../x", "a/b", "-e", "", "A", "a" * 25, "\u0430bc", "a\0", "a b", "x-"])
def test_a_short_name_of_ours(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(listing(BundleConnection("https://bundles.example/x.mcpb")), name=name)
    assert trouble_with(caught.value) == ""


def plan(target: Listing, name: str = "thing") -> None:
    """Plan it by the rules that need no wait."""
    rules = replace(Rules(), allow_fresh=True)
    make_plan(target, name=name, settings={}, machine=MACHINE, rules=rules, now=NOW, origin=Origin.DISCOVER)
