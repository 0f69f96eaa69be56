"""Tables and colours."""

from __future__ import annotations

import click

from gateway.cli.output import clean, clean_lines, fields, is_colourful, table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    head, first, second = map(
        click.unstyle, table(("NAME", "N", "WHY"), [["a", 5, "x"], ["longer", 12, ""]], right=("N",))
    )

    assert (head, first, second) == ("NAME     N  WHY", "a        5  x", "longer  12")


def test_states_are_coloured_and_still_aligned() -> None:
    _, line = table(("STATE", "WHY"), [["ready", "x"]])

    assert line == f"{click.style('ready', fg='green')}  x"


def test_without_a_terminal_nothing_is_coloured_or_cut() -> None:
    assert not is_colourful()
    assert click.unstyle(table(("A",), [["x" * 500]])[1]) == "x" * 500


def test_control_characters_become_blanks() -> None:
    assert clean("a\x1b[31m\r\n\u202eb") == "a [31m   b"
    assert clean_lines("a\x07\nb") == "a \nb"


def test_a_value_of_many_lines_stays_in_its_column() -> None:
    assert [click.unstyle(line) for line in fields([("a", "1\n2"), ("long", "3")])] == ["a     1", "      2", "long  3"]
