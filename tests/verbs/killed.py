"""A process of its own that works on a state directory and kills itself at one step: `FOLDER VERB STEP`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import anyio

from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from gateway.verbs.removing import remove
from gateway.verbs.upgrading import rollback, upgrade
from tests.verbs.fakes import Shop, bundle, bundle_listing, offered, open_shop, put_on_shelf

NEW, OLD = "2.0.0", "1.0.0"
CHANGED = offered("otherwise")


async def carry_out(shop: Shop, folder: Path, verb: str) -> None:
    """Do what the verb says with the server `echo`."""
    put_on_shelf(shop, folder, NEW, wants_key=True)
    shop.try_out.offers["tool1"] = CHANGED
    match verb:
        case "install":
            await install(shop.parts, Ask(f"mcpb:{bundle(folder, NEW, wants_key=True)}", secrets={"apiKey": NEW}))
        case "upgrade":
            await upgrade(shop.parts, "echo", approve=True)
        case "rolled back":
            shop.refuses.append("it fell over")
            await upgrade(shop.parts, "echo", approve=True)
        case "rollback":
            await rollback(shop.parts, "echo")
        case "remove":
            await remove(shop.parts, "echo", data=True)


async def main(folder: str, verb: str, step: str, times: str) -> None:
    """Work until the step was reached so many times."""
    left = [int(times)]

    def reached(now: str) -> None:
        left[0] -= now == step
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    async with open_shop(Path(folder), {"smithery": [bundle_listing()]}, reached=reached) as shop:
        await carry_out(shop, Path(folder), verb)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4])
