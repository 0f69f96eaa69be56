"""Works on several calls at once, but stands still as a whole now and then, as for a long garbage collection.

Tools: `sleep` for `seconds`, beside others; `block` for `seconds`, and nothing is read or answered meanwhile.
"""

from __future__ import annotations

import threading
import time

from speaking import Json, Server, send, text, tool

SCHEMA = {"type": "object", "properties": {"seconds": {"type": "number"}}}


def main() -> None:
    """Run."""
    server = Server("breathless")
    speaking = threading.Lock()

    def block(arguments: Json, _request: Json) -> Json:
        with speaking:
            time.sleep(float(arguments.get("seconds", 1.0)))
        return text("blocked")

    def sleep(arguments: Json, request: Json) -> None:
        def work() -> None:
            time.sleep(float(arguments.get("seconds", 0.1)))
            with speaking:
                send({"id": request["id"], "result": text("slept")})

        threading.Thread(target=work, daemon=True).start()

    server.add(tool("block", "Stands still.", SCHEMA), block)
    server.add(tool("sleep", "Sleeps beside others.", SCHEMA), sleep)
    server.run()


if __name__ == "__main__":
    main()
