"""A server that tries what a confined one must not be able to do, and reports what happened. Standard library only.

`look` takes {"read": [paths], "write": [paths], "list": [paths], "kill": [pids], "ptrace": [pids],
"connect": [[kind, host, port]], "abstract": [names], "local": [paths], "same": [paths]} and returns a word for each:
"done", or the name of the error.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speaking import Server, text, tool

PTRACE_SEIZE = 0x4206
PATIENCE_S = 3.0
KINDS = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM),
    "tcp6": (socket.AF_INET6, socket.SOCK_STREAM),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM),
    "packet": (getattr(socket, "AF_PACKET", -1), socket.SOCK_RAW),
    "vsock": (getattr(socket, "AF_VSOCK", -1), socket.SOCK_STREAM),
}


def told(deed: Callable[[], Any]) -> str:
    """Do it; "done" or what the kernel said."""
    try:
        deed()
    except OSError as exc:
        return errno.errorcode.get(exc.errno or 0, str(exc))
    return "done"


def write(path: str) -> None:
    """Make a file, or add to it."""
    with Path(path).open("ab") as file:
        file.write(b"spied\n")


def ptrace(pid: int) -> None:
    """Attach to a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def connect(kind: str, host: str, port: int) -> None:
    """Reach somebody."""
    with socket.socket(*KINDS[kind]) as sock:
        sock.settimeout(PATIENCE_S)
        if kind == "udp":
            sock.sendto(b"spied", (host, port))
        elif kind not in {"packet", "vsock"}:
            sock.connect((host, port))


def local(address: str) -> None:
    """Reach somebody on this machine, by a file's path or a name without a file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(address)


def look(asked: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Try everything that is asked for."""
    deeds: dict[str, Callable[[Any], Any]] = {
        "read": lambda path: Path(path).read_bytes(),
        "write": write,
        "list": os.listdir,
        "kill": lambda pid: os.kill(pid, 0),
        "ptrace": ptrace,
        "connect": lambda words: connect(*words),
        "same": lambda path: Path(path).write_bytes(Path(path).read_bytes()),
        "abstract": lambda name: local(f"\0{name}"),
        "local": local,
    }
    return {
        what: {json.dumps(item): told(lambda what=what, item=item: deeds[what](item)) for item in items}
        for what, items in asked.items()
    }


def environments() -> dict[str, str]:
    """Every environment that can be read through /proc, by pid."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found[entry.name] = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
    return found


def myself() -> dict[str, Any]:
    """What this process is and has."""
    status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return {
        "pid": os.getpid(),
        "cwd": str(Path.cwd()),
        "environment": dict(os.environ),
        "capabilities": int(fields["CapEff"], 16),
        "no_new_privileges": fields["NoNewPrivs"] == "1",
    }


server = Server("spy")
server.add(tool("look"), lambda arguments, _: text(json.dumps(look(json.loads(arguments["text"])))))
server.add(tool("environments"), lambda arguments, _: text(json.dumps(environments())))
server.add(tool("myself"), lambda arguments, _: text(json.dumps(myself())))


def goodbye(_number: int, _frame: object) -> None:
    """Show that the signal arrived."""
    Path(os.environ["SPY_GOODBYE"]).write_text("TERM")
    os._exit(0)


if "SPY_GOODBYE" in os.environ:
    signal.signal(signal.SIGTERM, goodbye)
if __name__ == "__main__":
    server.run()
    if "SPY_GOODBYE" in os.environ:  # deaf to the end of its input: only a signal ends it
        while True:
            signal.pause()
