"""The official registry's `Input`: what an environment variable, header or argument wants. No I/O."""

from __future__ import annotations

from gateway.discovery.parsing.fields import MAX_LINE, Fields, spelled
from gateway.listing import InputSpec

_FORMATS = frozenset({"string", "number", "boolean", "filepath"})


def parse_inputs(rows: list[Fields]) -> tuple[InputSpec, ...]:
    """Read named inputs (environment variables, headers); those without a name are left out."""
    return tuple(parse_input(row, row.line("name")) for row in rows if row.line("name"))


def parse_arguments(rows: list[Fields]) -> tuple[InputSpec, ...]:
    """Read command-line arguments; positional ones are named by their hint."""
    return tuple(spec for row in rows if (spec := _argument(row)) is not None)


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


def _argument(row: Fields) -> InputSpec | None:
    match row.line("type"):
        case "named" if row.line("name"):
            return parse_input(row, row.line("name"), kind="named")
        case "positional" if row.line("valueHint") or "value" in row:
            return parse_input(row, row.line("valueHint") or "value", kind="positional")
        case _:
            return None
