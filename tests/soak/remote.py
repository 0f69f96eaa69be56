"""The same tool as `server.py` over HTTP: `python remote.py --port P --folder F [--era modern]`.

Lines of F/commands.txt: `forget` (all sessions), `errors` (HTTP 500 for three seconds).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))

from remote_http import Json, Remote, text

ERRORS_S = 3.0


class Tormented(Remote):
    """A remote server with `work` and two faults."""

    folder: Path
    seen: int = 0
    ill_until: float = 0.0

    def obey(self) -> None:
        """Carry out new commands."""
        commands = self.folder / "commands.txt"
        lines = commands.read_text().splitlines() if commands.exists() else []
        for line in lines[self.seen :]:
            if line == "forget":
                self.sessions.clear()
            if line == "errors":
                self.ill_until = time.monotonic() + ERRORS_S
        self.seen = len(lines)

    async def endpoint(self, request: Request) -> Response:
        """All of /mcp."""
        self.obey()
        if time.monotonic() < self.ill_until:
            return Response("ill", status_code=500)
        return await super().endpoint(request)

    async def call(self, request: Request, name: str, arguments: Json) -> Json:
        """The tool."""
        path = self.folder / f"executed-{os.getpid()}.txt"
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
        os.write(descriptor, f"{arguments['token']}\n".encode())
        os.close(descriptor)
        await asyncio.sleep(float(arguments.get("ms", 0)) / 1000)
        return text(str(arguments["token"]))


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--era", default="legacy")
    options = parser.parse_args()
    remote = Tormented(options.era, names=["work"])
    remote.folder = options.folder
    commands = options.folder / "commands.txt"
    remote.seen = commands.read_text().count("\n") if commands.exists() else 0
    app = Starlette(routes=[Route("/mcp", remote.endpoint, methods=["GET", "POST", "DELETE"])])
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="error", timeout_graceful_shutdown=0)


if __name__ == "__main__":
    main()
