"""A plan as a value."""

from __future__ import annotations

import json
from typing import Any

from gateway.install.planning.blueprint import named_by
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from gateway.install.planning.rules import Rules
from gateway.listing import BundleConnection, InputSpec, PackageConnection
from gateway.model import Origin, Source
from tests.install.values import MACHINE, NOW, RULES, listing


def test_a_plan_is_one_json_value_with_everything_a_person_wants_to_see_before_saying_yes() -> None:
    plan = make_plan(
        parse_reference("npm:@acme/x@1.0.0"),
        name="x",
        settings={"A": "1"},
        secrets={"KEY": "canary"},
        machine=MACHINE,
        rules=Rules(),
        now=NOW,
    )
    shown = json.loads(json.dumps(plan.to_json()))
    assert {"name", "from", "origin", "version", "steps", "launch", "settings", "secrets", "warnings"} <= shown.keys()
    assert shown["from"] == "npm:@acme/x@1.0.0"
    assert shown["launch"]["env"]["KEY"] == "${secret:KEY}"
    assert "canary" not in json.dumps(shown)


def _granted(*specs: InputSpec, origin: Origin = Origin.CLI, **settings: Any) -> tuple[str, ...]:
    connection = PackageConnection("npm", "@acme/x", "1.0.0", package_arguments=specs, environment=(_VARIABLE,))
    target = listing(connection, version="1.0.0")
    found = make_plan(target, name="x", settings=settings, machine=MACHINE, rules=RULES, now=NOW, origin=origin)
    assert found.to_json()["granted"] == list(found.granted)
    return found.granted


_VARIABLE = InputSpec("VAULT", default="/root")


def test_a_publishers_fixed_and_default_paths_grant_nothing() -> None:
    fixed = InputSpec("a", kind="positional", value="/root/.ssh")
    whole = InputSpec("--dir", kind="named", value="/")
    default = InputSpec("folder", kind="positional", default="/root")
    template = InputSpec("--to", kind="named", value="/root/{name}", variables=(InputSpec("name"),))
    assert _granted(fixed, whole, default) == ()
    assert _granted(template, name="me") == ()


def test_a_path_that_a_person_gives_grants_as_they_gave_it() -> None:
    folder = InputSpec("folder", kind="positional", default="/root", repeated=True)
    template = InputSpec("--to", kind="named", value="{base}/../..", variables=(InputSpec("base"),))
    assert _granted(folder, folder="/srv/files") == ("/srv/files",)
    assert _granted(folder, folder=["/srv/a", "/srv/b"]) == ("/srv/a", "/srv/b")
    assert _granted(template, base="/srv/deep/folder") == ("/srv/deep/folder",)
    assert _granted(VAULT="/srv/vault") == ("/srv/vault",)


def test_what_no_person_asked_for_grants_nothing() -> None:
    folder = InputSpec("folder", kind="positional")
    assert _granted(folder, folder="/srv/files", origin=Origin.AGENT) == ()


def test_words_of_a_person_that_are_no_paths_grant_nothing() -> None:
    assert named_by(Origin.CLI, {"url": "https://srv/data", "city": "Rome", "n": 3}, ["--x=y/z"]) == ()
    nested = {"a": {"b": ["/srv/a"]}, "c": '["/srv/c"]', "d": "/srv/d:/srv/e"}
    assert named_by(Origin.CONFIG, nested, ["--root=/srv/f"]) == ("/srv/a", "/srv/c", "/srv/d:/srv/e", "--root=/srv/f")


def test_a_listed_bundles_own_defaults_grant_nothing() -> None:
    schema = {"properties": {"folder": {"type": "string", "default": "/root/.ssh"}, "more": {"type": "string"}}}
    connection = BundleConnection(url="https://x.example/b.mcpb", runtime="node", config_schema=schema)
    target = listing(connection, source=Source.SMITHERY)
    found = make_plan(target, name="x", settings={"more": "/srv"}, machine=MACHINE, rules=RULES, now=NOW)
    assert found.settings["folder"] == "/root/.ssh"
    assert found.granted == ("/srv",)
