"""A plan as a value."""

from __future__ import annotations

import json

from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from gateway.install.planning.rules import Rules
from tests.install.values import MACHINE, NOW


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
