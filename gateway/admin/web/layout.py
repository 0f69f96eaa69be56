"""The page around the parts: head, style, script, login form. Reads its two files once, and does no other I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.admin.web.html import Html, element, joined, void

STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")

SCRIPT = Path(__file__).with_name("page.js").read_text(encoding="utf-8")


def content_security_policy(nonce: str) -> str:
    """Nothing from elsewhere, no script or style but our own."""
    return (
        f"default-src 'self'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def status_page(parts: Mapping[str, Html], *, nonce: str, query: str, agent: str) -> str:
    """The whole status page; the values of `parts` are replaced live, by their ids."""
    body = joined(
        [
            element("a", "Skip to the content", href="#content", class_="skip"),
            _header([("#servers", "Servers"), ("#requests", "Requests"), ("#calls", "Calls"), ("#tools", "Tools")]),
            element(
                "main",
                element("section", parts["summary"], id="summary", aria_label="Overview"),
                _section("Connect", "connect", parts["connect"]),
                _section("Servers", "servers", parts["servers"]),
                _section("What agents want installed", "requests", parts["requests"]),
                _section("Recent calls", "calls", parts["calls"]),
                _section("Tools as an agent would be offered them", "tools", parts["tools"], _tools_form(query, agent)),
                id="content",
            ),
            element("script", Html(SCRIPT), nonce=nonce),
        ]
    )
    return _document("mcp-gateway", body, nonce, refresh=True)


def server_page(name: str, parts: Mapping[str, Html], *, nonce: str) -> str:
    """The page of one server; the values of `parts` are replaced live, by their ids."""
    titles = {
        "ends": "How it ended", "deaths": "Death log", "breakers": "What is held back", "meters": "Limits",
        "stderr": "The last lines of its stderr",
    }  # fmt: skip
    links = [("/ui", "All servers"), *((f"#{place}", title) for place, title in titles.items())]
    first = element(
        "section",
        element("h2", name),
        element("div", parts["orders"], id="orders-live", class_="orders"),
        element("div", parts["particulars"], id="particulars-live", class_="particulars"),
        id="particulars",
        aria_label=f"Server {name}",
    )
    more = [_section(title, place, parts[place]) for place, title in titles.items()]
    body = joined(
        [
            element("a", "Skip to the content", href="#content", class_="skip"),
            _header(links),
            element("main", first, *more, id="content"),
            element("script", Html(SCRIPT), nonce=nonce),
        ]
    )
    return _document(f"{name} - mcp-gateway", body, nonce, refresh=True)


def trouble_page(what: Html, *, nonce: str) -> str:
    """A page that can only say why it is none."""
    section = element("section", what, element("p", element("a", "All servers", href="/ui")))
    body = joined([_header([("/ui", "All servers")]), element("main", section, id="content")])
    return _document("mcp-gateway", body, nonce, refresh=False)


def login_document(*, nonce: str, message: str = "") -> str:
    """The form that takes the admin token."""
    problem = element("p", message, class_="trouble", role="alert", id="problem") if message else Html("")
    field = void(
        "input", type="password", name="token", id="token", required=True, autofocus=True,
        autocomplete="current-password", aria_describedby="problem" if message else None,
    )  # fmt: skip
    form = element(
        "form", element("label", "Admin token", field, for_="token"), element("button", "Log in", type="submit"),
        method="post", action="/ui/login",
    )  # fmt: skip
    hint = element("p", "Print it with: ", element("code", "mcp-gateway token show --admin"))
    section = element("section", element("h1", "mcp-gateway"), problem, form, hint)
    return _document(
        "Log in to mcp-gateway", element("main", section, id="content", class_="alone"), nonce, refresh=False
    )


def _header(links: Sequence[tuple[str, str]]) -> Html:
    nav = element("nav", *(element("a", name, href=target) for target, name in links), aria_label="Parts of this page")
    leave = element("form", element("button", "Log out", type="submit"), method="post", action="/ui/logout")
    live = element("span", "", id="live", role="status")
    return element("header", element("h1", "mcp-gateway"), nav, live, leave)


def _section(title: str, name: str, content: Html, before: Html = Html("")) -> Html:  # noqa: B008 - a constant
    # Only what changed is replaced, so a focused button stays while nothing happens; the scrolling frame always stays.
    frame = element(
        "div", element("div", content, id=f"{name}-live"), class_="wide", tabindex="0", role="region", aria_label=title
    )
    return element("section", element("h2", title), before, frame, id=name)


def _tools_form(query: str, agent: str) -> Html:
    fields = [("query", "For this task or query", query), ("agent", "As this agent", agent)]
    labels = [
        element("label", title, void("input", type="text", name=name, id=name, value=value, maxlength=1000), for_=name)
        for name, title, value in fields
    ]
    return element("form", *labels, element("button", "Show", type="submit"), method="get", action="/ui#tools")


def _document(title: str, body: Html, nonce: str, *, refresh: bool) -> str:
    without_script = element("noscript", void("meta", http_equiv="refresh", content="5")) if refresh else Html("")
    head = element(
        "head", void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("link", rel="icon", href="data:,"), element("title", title), element("style", Html(STYLE), nonce=nonce),
        without_script,
    )  # fmt: skip
    return f"<!doctype html>{element('html', head, element('body', body), lang='en')}"
