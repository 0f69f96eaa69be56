"""`[store]` and `[massgen]`: where things are kept and where MassGen logs. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gateway.config.checks import store_url
from gateway.config.fields import Check


@dataclass(frozen=True, slots=True)
class StoreSection:
    """Where ledger, catalogue and policy versions are kept."""

    url: Annotated[
        str, "sqlite:////absolute/path/gateway.db; empty: a file in the state directory", Check(store_url)
    ] = ""


@dataclass(frozen=True, slots=True)
class MassgenSection:
    """What MassGen leaves behind, to learn from."""

    log_dirs: Annotated[tuple[str, ...], "Folders in which MassGen writes its logs"] = ()
