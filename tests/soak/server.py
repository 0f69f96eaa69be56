"""The server that is tormented: `work` writes down what it executes; a command file makes it misbehave. No SDK.

    python server.py --name N --folder F [--modern] [--serial]

`work {token, ms}` appends the token to F/executed-PID.txt and answers it after so long. Each line of F/commands.txt is
carried out once: `garbage`, `banner`, `stderr`, `memory`, `grandchild`, `deaf`, `silent`, `hang`, `exit`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))

import speaking
from speaking import Json, Server, send, text, tool

LOOK_S = 0.05
WORK = {"type": "object", "properties": {"token": {"type": "string"}, "ms": {"type": "number"}}, "required": ["token"]}


class Tormented:
    """One server, its file of executed tokens, and the faults it can commit."""

    def __init__(self, name: str, folder: Path, *, modern: bool, serial: bool) -> None:
        self.commands = folder / "commands.txt"
        self.executed = os.open(folder / f"executed-{os.getpid()}.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
        self.pool = None if serial else ThreadPoolExecutor(32)
        self.hangs = threading.Event()
        self.ballast: list[bytearray] = []
        self.lock = threading.Lock()
        speaking.write = self.write  # type: ignore[assignment] - answers come from several threads
        self.server = Server(name, modern=modern)
        self.server.add(tool("work", "Answers the token it is given after some milliseconds.", WORK), self.work)

    def write(self, line: bytes) -> None:
        """Put one line on stdout, whole."""
        with self.lock:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def work(self, arguments: Json, request: Json) -> Json | None:
        """The tool: here and now, or in a thread."""
        if self.pool is None:
            return self.execute(arguments)
        self.pool.submit(lambda: send({"id": request["id"], "result": self.execute(arguments)}))
        return None

    def execute(self, arguments: Json) -> Json:
        """Write down, take the time, answer."""
        if self.hangs.is_set():
            threading.Event().wait()
        os.write(self.executed, f"{arguments['token']}\n".encode())
        time.sleep(float(arguments.get("ms", 0)) / 1000)
        return text(str(arguments["token"]))

    def watch(self) -> None:
        """Carry out the commands that are written from now on, for ever."""
        seen = self.commands.read_text().count("\n") if self.commands.exists() else 0
        while True:
            time.sleep(LOOK_S)
            lines = self.commands.read_text().splitlines() if self.commands.exists() else []
            for line in lines[seen:]:
                self.faults()[line]()
            seen = len(lines)

    def faults(self) -> dict[str, Callable[[], object]]:
        """By name."""
        return {
            "garbage": lambda: [self.write(b"this is no message \xff\x00\n") for _ in range(400)],
            "banner": lambda: self.write(b"Hello, I am a banner.\n"),
            "stderr": lambda: [os.write(2, b"x" * 65536) for _ in range(1600)],  # 100 MiB
            "memory": lambda: self.ballast.extend(bytearray(b"x") * (8 << 20) for _ in range(60)),
            "grandchild": self.grandchild,
            "deaf": lambda: os.close(0),
            "silent": lambda: os.close(1),
            "hang": self.hang,
            "exit": lambda: os._exit(3),
        }

    def hang(self) -> None:
        """Answer nothing any more, neither calls nor pings."""
        self.hangs.set()
        self.lock.acquire()

    def grandchild(self) -> None:
        """Leave somebody behind in a session of its own who holds our stdout."""
        subprocess.Popen(["sleep", "3600"], start_new_session=True, env={**os.environ, "SOAK_PARENT": str(os.getpid())})
        os._exit(4)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--modern", action="store_true")
    parser.add_argument("--serial", action="store_true")
    options = parser.parse_args()
    tormented = Tormented(options.name, options.folder, modern=options.modern, serial=options.serial)
    threading.Thread(target=tormented.watch, daemon=True).start()
    tormented.server.run()


if __name__ == "__main__":
    main()
