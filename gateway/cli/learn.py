"""learn status, train, evaluate, report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from gateway.admin.web import words
from gateway.cli.output import fields, table
from gateway.cli.session import Session, verb

Json = dict[str, Any]


@click.group()
def learn() -> None:
    """Look at the policy, train it, evaluate it."""


@learn.command()
@verb
def status(session: Session) -> None:
    """Show which policy serves, how its learner does, and the reward per window."""
    session.show(session.ask("learn_status"), _status)


def _status(result: Json) -> Iterable[str]:
    learner: Json = result.get("learner") or {}
    yield from fields(
        [
            ("mode", words.plain(result.get("mode"))),
            ("version", words.plain(result.get("version"))),
            ("serving since", words.clock_time(result.get("serving_since"))),
            ("experiences", f"{words.plain(result.get('experiences'))} ({words.plain(result.get('pending'))} pending)"),
            ("learner", f"{words.plain(learner.get('state'))}, pid {words.plain(learner.get('pid'))}, "
                        f"{words.size(learner.get('rss_bytes'))}"),
            ("loss", words.decimal(result.get("loss"), 4)),
            ("gradient norm", words.decimal(result.get("grad_norm"), 4)),
            ("entropy", words.decimal(result.get("entropy"), 3)),
            ("calibration error", words.decimal(result.get("ece"), 3)),
            ("breakers", ", ".join(map(str, result.get("breakers") or [])) or "none open"),
        ]
    )  # fmt: skip
    rows = [
        [
            words.clock_time(window.get("from")), words.plain(window.get("calls")),
            words.decimal(window.get("reward"), 3), words.decimal(window.get("static"), 3), _interval(window),
        ]
        for window in result.get("windows") or []
    ]  # fmt: skip
    if rows:
        yield ""
        yield from table(("WINDOW FROM (UTC)", "CALLS", "REWARD", "STATIC", "STATIC 95 %"), rows, right=("CALLS",))


def _interval(row: Json) -> str:
    return f"[{words.decimal(row.get('lo'), 3)}, {words.decimal(row.get('hi'), 3)}]"


@learn.command()
@verb
def train(session: Session) -> None:
    """Train now and wait for it."""
    session.show(session.ask("learn_train"), _trained)


def _trained(result: Json) -> Iterable[str]:
    yield (
        f"trained on {words.plain(result.get('trained'))} experiences: loss {words.decimal(result.get('loss'), 4)}, "
        f"gradient norm {words.decimal(result.get('grad_norm'), 4)}, version {words.plain(result.get('version'))}"
    )


@learn.command()
@verb
def evaluate(session: Session) -> None:
    """Estimate, from what was logged, what other policies would have earned."""
    session.show(session.ask("learn_evaluate"), _evaluated)


def _evaluated(result: Json) -> Iterable[str]:
    rows = [
        [
            row.get("policy"), row.get("estimator"), words.decimal(row.get("value"), 3), words.plain(row.get("n")),
            words.decimal(row.get("ess"), 0), _interval(row),
        ]
        for row in result.get("estimates") or []
    ]  # fmt: skip
    head = ("POLICY", "ESTIMATOR", "VALUE", "DECISIONS", "EFFECTIVE", "95 % INTERVAL")
    yield from table(head, rows, right=("VALUE", "DECISIONS", "EFFECTIVE")) if rows else ["Nothing to evaluate yet."]
    yield f"promote: {words.plain(result.get('promote'))} ({words.plain(result.get('reason'))})"


@learn.command()
@verb
def report(session: Session) -> None:
    """Show what is believed of each tool, best first, and why."""
    session.show(session.ask("learn_report"), _report)


def _report(result: Json) -> Iterable[str]:
    yield from _status(result)
    rows = [
        [tool.get("name"), words.decimal(tool.get("score"), 3), words.decimal(tool.get("reliability"), 3),
         words.plain(tool.get("n")), words.plain(tool.get("why"))]
        for tool in result.get("tools") or []
    ]  # fmt: skip
    yield ""
    yield from table(("TOOL", "SCORE", "RELIABILITY", "CALLS", "WHY"), rows) if rows else ["no tools yet"]
