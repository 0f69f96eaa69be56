"""An imitation of the docker client and its engine, complete enough for one server; copied to `docker` on a PATH.

Beside the copy lies its world: `registry.json` (what can be pulled: name -> image), `images.json` (what is here),
`containers/` (what runs or was left), and `log.jsonl` (every command line with its environment).
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

WORLD = Path(__file__).resolve().parent
CONTAINERS = WORLD / "containers"
FLAGS = ("--interactive", "--rm", "--init", "--pull=never", "--log-driver=none", "--network=", "--cap-drop=",
         "--security-opt=", "--memory=", "--memory-swap=", "--cpus=", "--pids-limit=", "--label=")  # fmt: skip


def main(argv: list[str]) -> int:
    with (WORLD / "log.jsonl").open("a") as log:
        log.write(json.dumps({"argv": argv, "env": dict(os.environ)}) + "\n")
    match argv:
        case ["--version"]:
            return say("Docker version 28.2.2, build e6534b4")
        case ["version", "--format", "{{json .}}"]:
            return version()
        case ["pull", "--quiet", image]:
            return pull(image)
        case ["image", "inspect", "--format", "{{json .}}", image]:
            return inspect(image)
        case ["ps", "--all", "--quiet", "--no-trunc", *filters]:
            return ps(filters)
        case ["rm", "--force", *names]:
            return remove(names)
        case ["run", *rest]:
            return run(rest)
    print(f"unknown command or flag: {argv}", file=sys.stderr)
    return 125


def say(text: str) -> int:
    print(text)
    return 0


def remove(names: list[str]) -> int:
    for name in names:
        (CONTAINERS / name).unlink()
    return say("\n".join(names))


def version() -> int:
    client = {"Client": {"Version": "28.2.2"}}
    if (WORLD / "engine-is-down").exists():
        print(json.dumps({**client, "Server": None}))
        print("Cannot connect to the Docker daemon. Is the docker daemon running?", file=sys.stderr)
        return 1
    print(json.dumps({**client, "Server": {"Version": "28.2.2", "Os": "linux", "Arch": "amd64"}}))
    return 0


def read(name: str) -> dict[str, Any]:
    path = WORLD / name
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def pull(image: str) -> int:
    offered = read("registry.json")
    if image not in offered:
        print(f"Error response from daemon: manifest for {image} not found", file=sys.stderr)
        return 1
    found = offered[image]
    here = read("images.json")
    for name in (image, *found.get("RepoDigests", [])):
        here[name] = found
    (WORLD / "images.json").write_text(json.dumps(here))
    print(image)
    return 0


def inspect(image: str) -> int:
    here = read("images.json")
    known = here.get(image) or here.get(image.removeprefix("docker.io/"))
    if known is None:
        print(f"Error response from daemon: No such image: {image}", file=sys.stderr)
        return 1
    print(json.dumps(known))
    return 0


def ps(filters: list[str]) -> int:
    wanted = {word.removeprefix("label=") for word in filters if word != "--filter"}
    for path in sorted(CONTAINERS.glob("*")):
        if wanted <= set(json.loads(path.read_text())["labels"]):
            print(path.name)
    return 0


def run(rest: list[str]) -> int:
    labels, variables = [], []
    while rest and rest[0].startswith("-"):
        flag = rest.pop(0)
        if flag == "--env":
            variables.append(rest.pop(0))
        elif flag.startswith("--label="):
            labels.append(flag.removeprefix("--label="))
        elif not flag.startswith(FLAGS):
            print(f"unknown flag: {flag}", file=sys.stderr)
            return 125
    image, *arguments = rest
    if inspect_quietly(image) is None:
        print(f"docker: Error response from daemon: No such image: {image}", file=sys.stderr)
        return 125
    CONTAINERS.mkdir(exist_ok=True)
    container = CONTAINERS / uuid.uuid4().hex
    container.write_text(json.dumps({"labels": labels, "image": image}))
    inside = {name: os.environ[name] for name in variables if name in os.environ}
    try:
        serve(inside, arguments)
    finally:
        container.unlink(missing_ok=True)
    return 0


def inspect_quietly(image: str) -> Any:
    here = read("images.json")
    return here.get(image) or here.get(image.removeprefix("docker.io/"))


def serve(inside: dict[str, str], arguments: list[str]) -> None:
    """What the container's program says: a server whose one tool tells its environment and its arguments."""
    tool = {"name": "look", "description": "What is in here", "inputSchema": {"type": "object", "properties": {}}}
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        seen = json.dumps({"env": inside, "arguments": arguments})
        answers: dict[str, dict[str, Any]] = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "contained", "version": "1"},
            },
            "tools/list": {"tools": [tool]},
            "tools/call": {"content": [{"type": "text", "text": seen}], "isError": False},
        }
        result = answers.get(asked["method"], {})
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
