"""The way to the gateway."""

from __future__ import annotations

import threading

import pytest
from starlette.responses import PlainTextResponse

from gateway.admin.client import Daemon
from gateway.cli.relay.link import AwayError, Hold, Link, LostError
from gateway.errors import NotRunning
from tests.admin.threads import port_of, serving

pytestmark = pytest.mark.process
NOBODY = "http://127.0.0.1:9"


def ignore(_hold: Hold) -> None:
    return


def test_knocking_where_nobody_is_means_not_running() -> None:
    with pytest.raises(NotRunning):
        Link(lambda: Daemon(NOBODY, ""), "/mcp", threading.Event()).check()


def test_a_request_that_nobody_takes_was_certainly_not_carried_out() -> None:
    link = Link(lambda: Daemon(NOBODY, ""), "/mcp", threading.Event(), patience_s=0)
    with pytest.raises(AwayError), link.request("POST", b"{}", {}, read_s=5, opened=ignore):
        pass


def test_closing_ends_the_wait_for_a_gateway() -> None:
    closing = threading.Event()
    closing.set()
    link = Link(lambda: Daemon(NOBODY, ""), "/mcp", closing, patience_s=3600)

    with pytest.raises(AwayError), link.request("POST", b"{}", {}, read_s=5, opened=ignore):
        pass


def test_the_address_is_looked_up_again_for_every_try() -> None:
    with serving(PlainTextResponse("here")) as server:
        places = iter([NOBODY, NOBODY, f"http://127.0.0.1:{port_of(server)}"])
        link = Link(lambda: Daemon(next(places), "t"), "/mcp", threading.Event(), patience_s=30)
        with link.request("GET", None, {}, read_s=5, opened=ignore) as response:
            body = response.read()

    assert body == b"here"


def test_a_request_that_is_cut_from_another_thread_is_lost() -> None:
    with serving(PlainTextResponse("here")) as server:
        link = Link(lambda: Daemon(f"http://127.0.0.1:{port_of(server)}", ""), "/mcp", threading.Event())
        with pytest.raises(LostError), link.request("POST", b"{}", {}, read_s=5, opened=lambda hold: hold.cut()):
            pass


def test_cutting_twice_is_harmless() -> None:
    holds: list[Hold] = []
    with serving(PlainTextResponse("here")) as server:
        link = Link(lambda: Daemon(f"http://127.0.0.1:{port_of(server)}", ""), "/mcp", threading.Event())
        with link.request("GET", None, {}, read_s=5, opened=holds.append) as response:
            response.read()
    holds[0].cut()
    holds[0].cut()

    assert len(holds) == 1
