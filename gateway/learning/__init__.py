"""Learning which tools to show. `Selector` is the whole of it in one object; it is loaded on first use, because it
brings torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.learning.selector import Choice as Choice
    from gateway.learning.selector import Selector as Selector

__all__ = ["Choice", "Selector"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from gateway.learning import selector  # noqa: PLC0415 - it brings torch

        return getattr(selector, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
