"""The official registry's `Input`: what an environment variable, header or argument wants. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.discovery.parsing.fields import MAX_LINE, Fields, spelled
from gateway.listing import InputSpec

_FORMATS = frozenset({"string", "number", "boolean", "filepath"})


def parse_inputs(rows: Sequence[Fields]) -> tuple[InputSpec, ...]:
    """Read named inputs (environment variables, headers); those without a name are left out."""
    return tuple(parse_input(row, row.line("name")) for row in rows if row.line("name"))


def parse_arguments(rows: Sequence[Fields]) -> tuple[InputSpec, ...]:
    """Read command-line arguments; positional ones are named by their hint, those without one by their place."""
    return tuple(spec for place, row in enumerate(rows, 1) if (spec := _argument(row, place)) is not None)


def parse_variables(owner: Fields) -> tuple[InputSpec, ...]:
    """Read the `variables` of an input or of an address."""
    return tuple(parse_input(row, name[:MAX_LINE], deep=False) for name, row in owner.named("variables"))


def parse_input(row: Fields, name: str, *, kind: str = "", deep: bool = True) -> InputSpec:
    """Read one input; variables of variables do not exist in the format and are ignored."""
    stated = row.line("format")
    return InputSpec(
        name=name,
        description=row.text("description"),
        required=row.flag("isRequired") is True,
        secret=row.flag("isSecret") is True,
        default=spelled(row.value("default")),
        value=spelled(row.value("value")),
        placeholder=row.maybe_line("placeholder"),
        choices=row.lines("choices"),
        format=stated if stated in _FORMATS else "string",
        kind=kind,
        repeated=row.flag("isRepeated") is True,
        variables=parse_variables(row) if deep else (),
    )


def _argument(row: Fields, place: int) -> InputSpec | None:
    match row.line("type"):
        case "named" if row.line("name"):
            return parse_input(row, row.line("name"), kind="named")
        case "positional" if row.line("valueHint") or "value" in row:
            return parse_input(row, row.line("valueHint") or "value", kind="positional")
        case "positional" if "default" in row or row.flag("isRequired"):
            return parse_input(row, f"argument-{place}", kind="positional")
        case _:
            return None
