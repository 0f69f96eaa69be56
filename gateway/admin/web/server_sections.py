"""The parts of one server's page, each made from a verb's JSON. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gateway.admin.web import standing, words
from gateway.admin.web.html import Html, element, joined, table, text
from gateway.admin.web.tones import badge

Row = Mapping[str, Any]

ORDERS = ("start", "stop", "restart")
_DOWN = frozenset({"stopped", "failed", "backoff"})
_ENDS = ("Time (UTC)", "Cause", "Exit", "Was up", "Why")


def server_path(name: object) -> str:
    """Where a server's page is."""
    return f"/ui/servers/{quote(str(name), safe='')}"


def particulars(row: Row) -> Html:
    """Everything that is known of it now."""
    return element("dl", *(_particular(name, value) for name, value in standing.particulars(row)))


def _particular(name: str, value: str) -> Html:
    told = badge(value) if name in {"state", "health"} else _lines(value)
    return element("div", element("dt", name), element("dd", told), class_="row" if name == "why" else None)


def _lines(value: str) -> Html:
    first, *rest = value.split("\n")
    return joined([text(first), *(joined([Html("<br>"), text(line)]) for line in rest)])


def meters(row: Row) -> Html:
    """How much of each limit is used."""
    rows = [(name.capitalize(), meter(used, most, f"{spelled}")) for name, used, most, spelled in standing.usage(row)]
    return table("What it takes of its limits now", ("Limit", "Used"), rows, empty="Nothing of it is counted here.")


def meter(used: float, most: float, spelled: str) -> Html:
    """A bar that is near its end when a limit is, with the numbers beside it."""
    bar = element(
        "meter", spelled, min=0, max=f"{most:.0f}", low=f"{standing.NEAR * most:.0f}", high=f"{0.95 * most:.0f}",
        optimum=0, value=f"{used:.0f}", aria_hidden="true",
    )  # fmt: skip
    return joined([bar, " ", spelled])


def orders(row: Row) -> Html:
    """The buttons that make sense now."""
    is_down = row.get("state") in _DOWN
    possible = [order for order in ORDERS if not (order == "start" and not is_down)]
    if row.get("state") == "stopped" and not row.get("resting"):
        possible = ["start"]
    return joined(
        element(
            "form",
            element("button", order.title(), type="submit", aria_label=f"{order} {row.get('name')}"),
            method="post",
            action=f"{server_path(row.get('name'))}/{order}",
        )
        for order in possible
    )


def breakers(row: Row) -> Html:
    """What is held back: the server, or single tools."""
    held: list[Sequence[object]] = []
    server = row.get("breaker")
    if isinstance(server, Mapping):
        held.append(["whole server", *_breaker(server)])
    held += [[one.get("tool"), *_breaker(one)] for one in row.get("breakers") or [] if standing.is_held(one)]
    head = ("Calls of", "Breaker", "Tried again in", "Why")
    return table("Tools whose breaker is closed are not listed", head, held, empty="No breaker watches over it.")


def _breaker(one: Row) -> list[object]:
    return [
        badge(str(one.get("state")).replace("_", " ")),
        words.span(one.get("retry_s")),
        words.plain(one.get("reason")),
    ]


def ends(row: Row) -> Html:
    """Its newest ends since the gateway started, those that were asked for among them."""
    rows = [_end(one) for one in row.get("exits") or []]
    caption = "Since the gateway started, the newest first; also those that were asked for"
    return table(caption, _ENDS, rows, empty="It has not ended since the gateway started.")


def deaths(found: Row) -> Html:
    """The death log."""
    rows = [[*_end(one), words.plain(one.get("version")), _last_words(one)] for one in found.get("deaths") or []]
    caption = "Ends that nobody asked for, the newest first; kept beyond restarts of the gateway"
    return table(caption, (*_ENDS, "Version", "Last words"), rows, empty="It has never died.")


def _end(one: Row) -> list[object]:
    at, cause, *rest = standing.exit_line(one)
    return [at, badge(cause), *rest]


def _last_words(one: Row) -> Html:
    lines = standing.tail(one)
    if not lines:
        return text(words.NOTHING)
    return element("details", element("summary", f"{len(lines)} lines"), element("pre", "\n".join(lines)))


def stderr(row: Row) -> Html:
    """What it wrote last."""
    lines = standing.tail(row)
    if not lines:
        return element("p", "It has written nothing.", class_="empty")
    return element("pre", "\n".join(lines), tabindex="0", aria_label="stderr")
