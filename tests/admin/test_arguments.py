"""A request's parameters as keywords."""

from __future__ import annotations

import pytest

from gateway.admin.arguments import arguments
from gateway.admin.routes import Param, Route, route_of
from gateway.errors import UsageError

ROUTE = Route(
    "verb", "POST", "/x/{name}", "About.",
    (Param("name", "path", required=True), Param("on", "query", "boolean"), Param("rate", "query", "number"),
     Param("names", "query", "strings"), Param("words", "body", "strings"), Param("count", "body", "integer")),
)  # fmt: skip


def test_each_place_gives_its_own_and_what_was_not_given_is_left_out() -> None:
    given = arguments(
        ROUTE,
        path={"name": "a"},
        query=[("on", "true"), ("rate", "0.5"), ("names", "a, b,,")],
        body=b'{"words": ["x"]}',
    )

    assert given == {"name": "a", "on": True, "rate": 0.5, "names": ["a", "b"], "words": ["x"]}


def test_null_says_the_same_as_nothing() -> None:
    assert arguments(ROUTE, path={"name": "a"}, query=[], body=b'{"count": null}') == {"name": "a"}


@pytest.mark.parametrize("text", ["maybe", "", "2"])
def test_a_flag_is_true_or_false(text: str) -> None:
    with pytest.raises(UsageError, match="on is not a boolean"):
        arguments(ROUTE, path={"name": "a"}, query=[("on", text)], body=b"")


@pytest.mark.parametrize("body", [b'{"words": "x"}', b'{"words": [1]}', b'{"count": 1.5}', b'{"count": false}'])
def test_a_value_of_another_kind_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError) as raised:
        arguments(ROUTE, path={"name": "a"}, query=[], body=body)

    assert raised.value.fix


def test_a_parameter_in_the_wrong_place_is_unknown() -> None:
    with pytest.raises(UsageError, match="has no parameter 'count'"):
        arguments(ROUTE, path={"name": "a"}, query=[("count", "1")], body=b"")


def test_an_infinite_number_is_refused() -> None:
    with pytest.raises(UsageError, match="score is not a number"):
        arguments(route_of("feedback"), path={}, query=[], body=b'{"call_id": "c", "score": Infinity}')
