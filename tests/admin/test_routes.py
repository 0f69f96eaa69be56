"""The table of routes."""

from __future__ import annotations

import re

import pytest

from gateway.admin.routes import ROUTES, Route, route_of


def test_no_two_routes_share_a_verb_or_an_address() -> None:
    assert len({route.verb for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.verb)
def test_the_path_holds_exactly_the_path_parameters(route: Route) -> None:
    assert re.findall(r"{(\w+)}", route.path) == [param.name for param in route.params if param.place == "path"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.verb)
def test_what_only_reads_is_a_get_and_has_no_body(route: Route) -> None:
    if route.method in {"GET", "DELETE"}:
        assert [param.name for param in route.params if param.place == "body"] == []
    else:
        assert [param.name for param in route.params if param.place == "query"] == []


def test_a_route_is_found_by_its_verb() -> None:
    assert route_of("status").path == "/status"
    with pytest.raises(KeyError):
        route_of("nothing")
