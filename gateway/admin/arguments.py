"""A request's parameters as the keywords of a verb, checked against the route's table. No I/O."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.admin.routes import Kind, Param, Route
from gateway.errors import UsageError

_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no"})
_TYPES: dict[Kind, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "strings": (list,),
}


def arguments(
    route: Route, *, path: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes
) -> dict[str, Any]:
    """Read every parameter of the route; those that were not given are left out.

    Raises: UsageError naming the parameter, for a missing, unknown, malformed or repeated one, and for bad JSON.
    """
    given: dict[str, Any] = dict(path)
    _take_query(route, query, given)
    _take_body(route, body, given)
    missing = [param.name for param in route.params if param.required and param.name not in given]
    if missing:
        raise UsageError(f"{route.verb} needs {', '.join(missing)}", fix=_wants(route))
    return given


def _take_query(route: Route, query: Iterable[tuple[str, str]], given: dict[str, Any]) -> None:
    params = {param.name: param for param in route.params if param.place == "query"}
    for name, text in query:
        param = params.get(name) or _unknown(route, name, params)
        if name in given:
            raise UsageError(f"the parameter {name} was given twice", fix=_wants(route))
        given[name] = _from_text(param, text)


def _take_body(route: Route, body: bytes, given: dict[str, Any]) -> None:
    params = {param.name: param for param in route.params if param.place == "body"}
    for name, value in _json_object(body).items():
        param = params.get(name) or _unknown(route, name, params)
        if value is not None:  # null says the same as leaving it out
            given[name] = _checked(param, value)


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"the body is not JSON: {exc}"[:200], fix="Send one JSON object, or no body.") from exc
    if not isinstance(value, dict):
        raise UsageError("the body is not a JSON object", fix="Send one JSON object, or no body.")
    return value


def _unknown(route: Route, name: str, known: Mapping[str, Param]) -> Param:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(f"{route.verb} has no parameter {name[:60]!r} here", fix=hint + _wants(route))


def _wants(route: Route) -> str:
    wanted = [f"{p.name} ({p.place}, {p.kind}{', required' if p.required else ''})" for p in route.params]
    return f"{route.method} {route.path} takes: {'; '.join(wanted) or 'nothing'}."


def _from_text(param: Param, text: str) -> Any:
    value: Any = text
    try:
        match param.kind:
            case "integer":
                value = int(text)
            case "number":
                value = float(text)
            case "boolean":
                value = _boolean(text)
            case "strings":
                value = [part for part in (piece.strip() for piece in text.split(",")) if part]
            case "object" | "string":
                pass
    except ValueError as exc:
        raise _malformed(param) from exc
    return _checked(param, value)


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _checked(param: Param, value: Any) -> Any:
    is_flag = isinstance(value, bool)  # a bool is an int to Python, not to JSON
    fits = isinstance(value, _TYPES[param.kind]) and is_flag == (param.kind == "boolean")
    if fits and param.kind == "strings":
        fits = all(isinstance(item, str) for item in value)
    if fits and param.kind == "number":
        fits = math.isfinite(value)
    if not fits:
        raise _malformed(param)
    return value


def _malformed(param: Param) -> UsageError:
    kind = (
        "a list of strings" if param.kind == "strings" else f"{'an' if param.kind[0] in 'aeio' else 'a'} {param.kind}"
    )
    about = f" ({param.about})" if param.about else ""
    return UsageError(f"{param.name} is not {kind}", fix=f"Give {param.name} as {kind}{about}.")
