"""A stand-in for the package registries over real HTTP: a minimal npm registry, a PyPI index (PEP 691, upload times).

Both serve what a test put in: honest packages, packages published an hour ago, packages that try to run something while
they are installed, files whose bytes are not what the index says.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standins.faults import Controlled
from tests.standins.running import Running

HOUR_S = 3600.0
OLD_S = 60 * 24 * HOUR_S
SIMPLE = "application/vnd.pypi.simple.v1+json"


@dataclass
class File:
    """What is served, and what the index says of it."""

    content: bytes
    digest_of: bytes  # differs from `content` for a file that was exchanged
    published: float | None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Packages:
    """What both registries know, by package name and version (npm) or file name (PyPI)."""

    now: float
    npm_versions: dict[str, dict[str, File]] = field(default_factory=dict)
    pypi_files: dict[str, dict[str, File]] = field(default_factory=dict)

    def npm(
        self,
        name: str,
        version: str,
        *,
        age_s: float | None = OLD_S,
        files: Mapping[str, str] | None = None,
        exchanged: bool = False,
        **manifest: Any,
    ) -> None:
        """Publish an npm package `age_s` ago; `exchanged`: its tarball is another than its hash says."""
        described = {"name": name, "version": version, **manifest}
        members = {"package.json": json.dumps(described), **(files or {})}
        honest = tarball("package", members)
        served = tarball("package", {**members, "extra.js": "// not what was published"}) if exchanged else honest
        published = None if age_s is None else self.now - age_s
        self.npm_versions.setdefault(name, {})[version] = File(served, honest, published, described)

    def wheel(
        self,
        name: str,
        version: str,
        *,
        age_s: float | None = OLD_S,
        requires: tuple[str, ...] = (),
        source: str | None = None,
        exchanged: bool = False,
    ) -> None:
        """Publish a wheel; with `source` it has a console script of its own name that runs it."""
        module = name.replace("-", "_")
        honest = wheel(module, name, version, requires, source)
        served = wheel(module, name, version, requires, f"{source}\n# not what was published") if exchanged else honest
        self._put(name, f"{module}-{version}-py3-none-any.whl", File(served, honest, self._at(age_s)))

    def sdist(self, name: str, version: str, *, setup: str, age_s: float | None = OLD_S) -> None:
        """Publish a source distribution whose setup.py is `setup`."""
        module = name.replace("-", "_")
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        content = tarball(f"{module}-{version}", {"setup.py": setup, "PKG-INFO": about})
        self._put(name, f"{module}-{version}.tar.gz", File(content, content, self._at(age_s)))

    def _put(self, name: str, file: str, content: File) -> None:
        self.pypi_files.setdefault(name, {})[file] = content

    def _at(self, age_s: float | None) -> float | None:
        return None if age_s is None else self.now - age_s

    def app(self) -> Controlled:
        """Serve both: npm at /npm, the simple index at /simple."""
        routes = [
            Route("/npm/-/tarballs/{name:path}/{version}.tgz", self._tarball),
            Route("/npm/{name:path}", self._packument),
            Route("/simple/{name}/", self._project),
            Route("/files/{name}/{file}", self._file),
        ]
        return Controlled(Starlette(routes=routes), {})

    async def _packument(self, request: Request) -> Response:
        name = request.path_params["name"]
        versions = self.npm_versions.get(name)
        if versions is None:
            return JSONResponse({"error": "not_found"}, 404)
        origin = f"{request.url.scheme}://{request.url.netloc}"
        documents = {
            version: {**file.more, "dist": self._dist(f"{origin}/npm/-/tarballs/{name}/{version}.tgz", file)}
            for version, file in versions.items()
        }
        times = {version: _time(file.published) for version, file in versions.items() if file.published is not None}
        latest = max(versions, key=lambda version: [int(part) for part in version.split(".")])
        body = {"name": name, "dist-tags": {"latest": latest}, "versions": documents, "time": times}
        return JSONResponse(body)

    @staticmethod
    def _dist(url: str, file: File) -> dict[str, str]:
        sha512 = base64.b64encode(hashlib.sha512(file.digest_of).digest()).decode()
        return {
            "tarball": url,
            "integrity": f"sha512-{sha512}",
            "shasum": hashlib.sha1(file.digest_of).hexdigest(),
        }

    async def _tarball(self, request: Request) -> Response:
        found = self.npm_versions.get(request.path_params["name"], {}).get(request.path_params["version"])
        if found is None:
            return Response(status_code=404)
        return Response(found.content, media_type="application/octet-stream")

    async def _project(self, request: Request) -> Response:
        name = request.path_params["name"]
        files = self.pypi_files.get(name)
        if files is None:
            return Response(status_code=404)
        rows = []
        for file, content in files.items():
            row: dict[str, Any] = {
                "filename": file,
                "url": f"/files/{name}/{file}",
                "hashes": {"sha256": hashlib.sha256(content.digest_of).hexdigest()},
            }
            if content.published is not None:
                row["upload-time"] = _time(content.published)
            rows.append(row)
        body = {"meta": {"api-version": "1.1"}, "name": name, "files": rows}
        return Response(json.dumps(body), media_type=SIMPLE)

    async def _file(self, request: Request) -> Response:
        found = self.pypi_files.get(request.path_params["name"], {}).get(request.path_params["file"])
        if found is None:
            return Response(status_code=404)
        return Response(found.content, media_type="application/octet-stream")


class RunningPackages(Running):
    """Both registries, listening."""

    def __init__(self, now: float) -> None:
        self.packages = Packages(now)
        super().__init__(self.packages.app())

    @property
    def environment(self) -> dict[str, str]:
        """How an operator points npm and uv here."""
        return {"npm_config_registry": f"{self.url}/npm/", "UV_DEFAULT_INDEX": f"{self.url}/simple"}

    def fetched(self) -> list[str]:
        """The paths of the package files that were downloaded."""
        return [row["path"] for row in self.log() if row["path"].startswith(("/files/", "/npm/-/tarballs/"))]


@contextmanager
def running_packages(now: float) -> Iterator[RunningPackages]:
    """Run both; `now` (seconds since the epoch) is what ages are counted from."""
    running = RunningPackages(now)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def tarball(root: str, members: Mapping[str, str]) -> bytes:
    """A .tar.gz with everything below one folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(f"{root}/{name}")
            info.size = len(text.encode())
            info.mtime = 1_770_000_000
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def wheel(module: str, name: str, version: str, requires: tuple[str, ...], source: str | None) -> bytes:
    """A pure Python wheel."""
    about = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    members = {
        f"{module}/__init__.py": "",
        f"{module}/__main__.py": f"def main():\n    exec(compile({source!r}, 'server', 'exec'), {{}})\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if source is not None:
        members[f"{about}/entry_points.txt"] = f"[console_scripts]\n{name} = {module}.__main__:main\n"
    rows = []
    for path, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
    members[f"{about}/RECORD"] = "".join([*rows, f"{about}/RECORD,,\n"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()
