"""Not a test: a process that writes calls and says aloud which ones are acknowledged, until somebody kills it."""

from __future__ import annotations

import asyncio
import sys

from gateway.store.database import Database
from gateway.store.ledger import Ledger
from tests.store.examples import call, decided, rewarded


async def main(url: str, first: int) -> None:
    ledger = Ledger(await Database.open(url))

    async def write(lane: int) -> None:
        number = first
        while True:
            name = f"{lane}-{number}"
            await ledger.append([decided(f"d{name}"), call(f"c{name}"), rewarded(f"r{name}", call_id=f"c{name}")])
            sys.stdout.write(f"c{name}\n")
            sys.stdout.flush()
            number += 1

    await asyncio.gather(*(write(lane) for lane in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
