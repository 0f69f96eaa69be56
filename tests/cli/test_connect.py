"""connect list, show, add, remove, tools, namespaces."""

from __future__ import annotations

import pytest

from gateway.errors import ConnectionWaits, RegistryUnauthorized
from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check, json_error

LINES: list[Line] = [
    ("connect list", "connect_list", {}),
    ("connect list --namespace n --name x --url https://u.example", "connect_list",
     {"namespace": "n", "name": "x", "url": "https://u.example"}),
    ("connect show wx", "connect_show", {"connection": "wx"}),
    ("connect add acme/echo", "connect_add", {"name": "acme/echo", "replace": False}),
    ("connect add acme/echo --id wx --replace --namespace n", "connect_add",
     {"name": "acme/echo", "connection": "wx", "replace": True, "namespace": "n"}),
    ("connect remove wx", "connect_remove", {"connection": "wx"}),
    ("connect tools wx --namespace n", "connect_tools", {"connection": "wx", "namespace": "n"}),
    ("connect namespaces", "connect_namespaces", {}),
]  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_list_says_what_is_to_be_done(cli: Cli) -> None:
    _, out, _ = cli("connect", "list")
    lines = out.splitlines()
    assert lines[0] == "namespace my-app"
    assert "open https://acme.example/in" in next(line for line in lines if line.startswith("mail"))


def test_text_of_a_stranger_does_not_drive_the_terminal(cli: Cli) -> None:
    _, out, _ = cli("connect", "tools", "wx")
    assert "echo" in out
    assert "\x1b" not in out


def test_without_a_key_there_is_one_clear_line(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.errors["connect_list"] = RegistryUnauthorized("Smithery Connect needs a key", fix="Set SMITHERY_API_KEY.")
    status, out, err = cli("connect", "list")
    assert (status, out) == (1, "")
    assert err.splitlines() == ["error: Smithery Connect needs a key", "fix: Set SMITHERY_API_KEY."]
    json_error(cli("connect", "list", "--json"), 1, "unauthorized")


def test_an_install_through_connect_that_waits_for_a_person_says_what_to_do(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.errors["install"] = ConnectionWaits(
        "acme/mail waits at Smithery Connect: somebody must sign in",
        state="auth_required", namespace="my-app", connection="mail", setup_url="https://smithery.example/in",
        fix="Open https://smithery.example/in in a browser and sign in, then run the same command again.",
    )  # fmt: skip
    status, _, err = cli("install", "smithery:acme/mail", "--via", "connect")
    assert status == 1
    assert verbs.asked[-1][1]["via"] == "connect"
    assert "fix: Open https://smithery.example/in in a browser" in err
    error = json_error(cli("install", "smithery:acme/mail", "--via", "connect", "--json"), 1, "auth_required")
    assert error["details"] == {
        "state": "auth_required", "namespace": "my-app", "connection": "mail",
        "setup_url": "https://smithery.example/in", "missing": [], "missing_secrets": [],
    }  # fmt: skip
