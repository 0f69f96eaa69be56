"""Dies: at once (`--at start`), before answering `--at initialize`, or when its tool is called; `--status N`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

from speaking import Json, Server, text, tool

SLEEPER = "import time; time.sleep(600)"


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", choices=["start", "initialize", "call", "never"], default="call")
    parser.add_argument("--status", type=int, default=3)
    parser.add_argument("--grandchild", action="store_true", help="leave a process that holds stdout")
    parser.add_argument("--setsid", action="store_true", help="... in a session of its own")
    options = parser.parse_args()
    print("crasher: about to begin", file=sys.stderr, flush=True)
    grandchild = 0
    if options.grandchild or options.setsid:
        grandchild = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=options.setsid).pid
    if options.at == "start":
        sys.exit(options.status)
    server = Server("crasher")
    plain = server.answer

    def answer(method: str, params: Json, message: Json) -> Json | None:
        if method == "initialize" and options.at == "initialize":
            sys.exit(options.status)
        return plain(method, params, message)

    def crash(_arguments: Json, _request: Json) -> Json:
        os._exit(options.status)

    def killed(_arguments: Json, _request: Json) -> Json:
        os.kill(os.getpid(), signal.SIGKILL)
        return text("never")

    server.answer = answer  # type: ignore[method-assign]
    server.add(tool("crash", "Ends the server."), crash)
    server.add(tool("killed", "Kills the server."), killed)
    server.add(tool("grandchild", "The pid it left behind."), lambda _, __: text(str(grandchild)))
    server.add(tool("pid"), lambda _, __: text(str(os.getpid())))
    server.run()


if __name__ == "__main__":
    main()
