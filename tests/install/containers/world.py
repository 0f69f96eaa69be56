"""A machine with the imitated docker on its PATH, its registry filled by the test."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "servers" / "fake_docker.py"
DIGEST = "5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270"
IMAGE = "ghcr.io/acme/weather"
OLD = "2020-01-01T00:00:00Z"


class DockerWorld:
    """The folder in which the imitation keeps what it knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.program = folder / "docker"
        self.program.write_text(f"#!{sys.executable}\n{SOURCE.read_text('utf-8')}", "utf-8")
        self.program.chmod(0o755)
        self.environ = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder / "home"), "LANG": "C.UTF-8"}

    def offer(self, name: str, digest: str = DIGEST, *, repository: str = IMAGE, **more: Any) -> None:
        """Let the registry have an image under this name."""
        known = {"RepoDigests": [f"{repository}@sha256:{digest}"], "Os": "linux", "Architecture": "amd64"}
        path = self.folder / "registry.json"
        offered = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**offered, name: {**known, "Created": OLD, **more}}))

    def take_back(self) -> None:
        """The registry is gone."""
        (self.folder / "registry.json").unlink()

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every command line so far, with its environment."""
        path = self.folder / "log.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def words(self) -> list[str]:
        """The first words of every command line so far, probes left out."""
        return [entry["argv"][0] for entry in self.log if "version" not in entry["argv"][0]]

    @property
    def containers(self) -> dict[str, Any]:
        """What runs, or was left."""
        return {path.name: json.loads(path.read_text()) for path in (self.folder / "containers").glob("*")}
