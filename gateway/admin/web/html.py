"""HTML from values: whatever is not marked as HTML is escaped. No I/O."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Html(str):
    """Text that is HTML already. Only this module and the page's own templates make it."""

    __slots__ = ()


def text(value: object) -> Html:
    """Escape a value, unless it is HTML already."""
    return value if isinstance(value, Html) else Html(html.escape(str(value), quote=True))


def element(tag: str, *content: object, **attributes: object) -> Html:
    """Make an element; `class_` and the like lose their underscore, other underscores become hyphens.

    An attribute that is None or False is left out, True stands alone.
    """
    inner = "".join(text(part) for part in content)
    return Html(f"<{tag}{_attributes(attributes)}>{inner}</{tag}>")


def void(tag: str, **attributes: object) -> Html:
    """Make an element without content, such as input."""
    return Html(f"<{tag}{_attributes(attributes)}>")


def joined(parts: Iterable[object]) -> Html:
    """Put parts after each other."""
    return Html("".join(text(part) for part in parts))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> Html:
    """Make a table whose first column names its row; a sentence when there are no rows."""
    made = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    ]
    if not made:
        return element("p", empty, class_="empty")
    titles = element("tr", *(element("th", title, scope="col") for title in head))
    return element("table", element("caption", caption), element("thead", titles), element("tbody", joined(made)))


def _attributes(attributes: dict[str, object]) -> str:
    spelled = []
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if value is True:
            spelled.append(f" {name}")
        elif value is not None and value is not False:
            spelled.append(f' {name}="{text(value)}"')
    return "".join(spelled)
