"""Ignores TERM, INT and the end of its stdin: only KILL ends it. Its tools close its pipes or stop reading."""

from __future__ import annotations

import os
import signal
import threading

from speaking import Json, Server, text, tool


def main() -> None:
    """Run."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = Server("deaf")

    def stop_reading(_arguments: Json, _request: Json) -> Json:
        threading.Event().wait()
        return text("never")

    def close_stdout(_arguments: Json, _request: Json) -> None:
        os.close(1)
        threading.Event().wait()

    def close_stdin(_arguments: Json, _request: Json) -> None:
        os.close(0)
        threading.Event().wait()

    server.add(tool("stop_reading", "Reads nothing any more."), stop_reading)
    server.add(tool("close_stdout", "Closes its stdout and lives on."), close_stdout)
    server.add(tool("close_stdin", "Closes its stdin and lives on."), close_stdin)
    server.add(tool("echo"), lambda args, _: text(str(args.get("text", ""))))
    server.run()
    threading.Event().wait()


if __name__ == "__main__":
    main()
