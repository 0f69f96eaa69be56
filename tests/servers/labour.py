"""Works on one thing at a time and reads nothing meanwhile: `work` for `seconds`, with a step told `every` so often."""

from __future__ import annotations

import time

from speaking import Json, Server, notify, text, tool

SCHEMA = {"type": "object", "properties": {"seconds": {"type": "number"}, "every": {"type": "number"}}}


def work(arguments: Json, request: Json) -> Json:
    """Work; tell of each step when asked to."""
    every, step = float(arguments.get("every", 0)), 0
    token = (request["params"].get("_meta") or {}).get("progressToken")
    end = time.monotonic() + float(arguments.get("seconds", 1))
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, every or left))
        step += 1
        if every and token is not None:
            notify("notifications/progress", {"progressToken": token, "progress": step})
    return text("done")


def main() -> None:
    """Run."""
    server = Server("labour")
    server.add(tool("work", "Works, deaf to everything else.", SCHEMA), work)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()


if __name__ == "__main__":
    main()
