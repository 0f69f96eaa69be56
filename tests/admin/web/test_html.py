"""HTML from values."""

from __future__ import annotations

from gateway.admin.web.html import Html, element, joined, table, text, void


def test_whatever_is_not_html_is_escaped() -> None:
    assert element("p", "<b>", 5, Html("<i>x</i>")) == "<p>&lt;b&gt;5<i>x</i></p>"
    assert void("input", value="\"'<>&") == '<input value="&quot;&#x27;&lt;&gt;&amp;">'
    assert joined(["<", Html("<")]) == "&lt;<"


def test_html_is_not_escaped_twice() -> None:
    assert text(text("<")) == "&lt;"


def test_attributes_may_be_names_of_python_and_may_be_left_out() -> None:
    assert (
        void("x", class_="a", aria_label="b", hidden=True, id=None, open=False) == '<x class="a" aria-label="b" hidden>'
    )


def test_a_table_names_its_columns_and_its_rows() -> None:
    made = table("About", ["A", "B"], [["1", "<2>"]], empty="none")

    assert made.startswith('<table><caption>About</caption><thead><tr><th scope="col">A</th>')
    assert '<th scope="row">1</th><td>&lt;2&gt;</td>' in made


def test_a_table_without_rows_is_a_sentence() -> None:
    assert table("About", ["A"], [], empty="none yet") == '<p class="empty">none yet</p>'
