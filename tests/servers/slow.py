"""Takes its time: `sleep` waits, with or without progress; cancelled calls end early. `--start S` starts late."""

from __future__ import annotations

import argparse
import threading
import time

from speaking import Json, Server, notify, send, text, tool

SCHEMA = {
    "type": "object",
    "properties": {"seconds": {"type": "number"}, "progress_every": {"type": "number"}},
}


def work(arguments: Json, request: Json, stop: threading.Event) -> None:
    """Wait in steps, tell of each, and answer unless told to stop."""
    left, every = float(arguments.get("seconds", 1)), float(arguments.get("progress_every", 0))
    token = (request["params"].get("_meta") or {}).get("progressToken")
    done = 0
    while left > 0 and not stop.wait(min(left, every or left)):
        left -= every or left
        done += 1
        if every and token is not None:
            notify("notifications/progress", {"progressToken": token, "progress": done, "message": f"step {done}"})
    if not stop.is_set():
        send({"id": request["id"], "result": text("slept")})


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--modern", action="store_true")
    options = parser.parse_args()
    time.sleep(options.start)
    server = Server("slow", modern=options.modern)
    cancelled: dict[object, threading.Event] = {}
    seen: list[object] = []

    def sleep(arguments: Json, request: Json) -> None:
        stop = cancelled[request["id"]] = threading.Event()
        threading.Thread(target=work, args=(arguments, request, stop), daemon=True).start()

    def heard(method: str, params: Json) -> None:
        if method == "notifications/cancelled":
            seen.append(params["requestId"])
            if params["requestId"] in cancelled:
                cancelled[params["requestId"]].set()

    server.on_notification = heard
    server.add(tool("sleep", "Waits.", SCHEMA), sleep)
    server.add(tool("cancelled", "How many calls were cancelled."), lambda _, __: text(str(len(seen))))
    server.run()


if __name__ == "__main__":
    main()
