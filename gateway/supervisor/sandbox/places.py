"""Looks what a server names and needs on this disk, and makes its reach of that."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from gateway.model import SandboxPolicy, StdioLaunch
from gateway.supervisor.sandbox.machine import private_settings, system
from gateway.supervisor.sandbox.reach import Grant, Hidden, Reach, absolute, is_inside, settle
from gateway.supervisor.sandbox.runtimes import links_in, runtime_places

CODE_SUFFIXES: Final = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".sh", ".rb", ".pl", ".php", ".jar", ".lua")
PROJECT_MARKS: Final = ("package.json", "node_modules", "pyproject.toml", ".git")
PROJECT_DEPTH: Final = 4
_SHARED: Final = {"/", "/home", "/root", "/srv", "/mnt", "/media", "/var", "/var/tmp", "/var/lib", "/run", "/tmp"}  # noqa: S108
BROAD: Final = frozenset({
    "/", "/home", "/root", "/etc", "/usr", "/var", "/run", "/proc", "/sys", "/dev", "/boot", "/bin", "/sbin", "/lib",
    "/lib64", "/opt", "/nix", "/var/lib", "/usr/local", "/usr/bin", "/usr/lib",
})  # fmt: skip
"""What an argument alone does not open, however it came there: that takes a ReadWritePaths."""

_KERNELS: Final = ("/proc/", "/sys/")
_OURS: Final = ("HOME", "TMPDIR", "TMP", "TEMP")
_NOT_PLACES: Final = {"PATH", "LANG", "LC_ALL", "USER", "LOGNAME", "SHELL", "TERM", "PWD", "OLDPWD"}
_CODE_PATHS: Final = {
    "PYTHONPATH", "PYTHONHOME", "NODE_PATH", "LD_LIBRARY_PATH", "JAVA_HOME", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
}  # fmt: skip
"""Variables whose places are read only."""


@dataclass(frozen=True)
class Layout:
    """Where the gateway's own things lie: `state` is its state directory, `secret` more that nobody is given.

    `ours` is the gateway's environment, of which servers with a command get some.
    """

    state: Path
    secret: tuple[Path, ...] = ()
    ours: Mapping[str, str] = field(default_factory=dict)

    def hidden(self) -> tuple[Hidden, ...]:
        """What no server is given; looked for anew each time, because files come and go."""
        named = [Hidden(os.path.realpath(path), path.is_dir()) for path in self.secret if path.exists()]
        return (Hidden(os.path.realpath(self.state)), *named, *private_settings())

    @cached_property
    def broad(self) -> frozenset[str]:
        """Folders that hold other people's things as well."""
        home = self.ours.get("HOME", "/")
        above = [str(folder) for place in (home, str(self.state)) for folder in Path(os.path.realpath(place)).parents]
        return frozenset({*_SHARED, *above, home, os.path.realpath(home), os.path.realpath(self.state)})

    def data(self, name: str) -> Path:
        """A server's own folder."""
        return self.state / "data" / name


def reach_of(
    name: str, launch: StdioLaunch, policy: SandboxPolicy, layout: Layout, program: str, *, is_own: bool
) -> Reach:
    """Gather what a server may reach, and make its own folder.

    `program` is the absolute path of what it starts; `is_own`: it is a command of the operator.
    """
    data = layout.data(name)
    for folder in (data.parent, data):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make(data / "tmp")
    words = [program, *launch.argv[1:]]
    own = [_grant(str(data), write=True), *_packages(words, launch, layout)]
    base = launch.cwd or str(Path.cwd())
    asked, missing = _policy_grants(policy)
    asked += _code(words[1:], base, layout) if is_own else []
    asked += [_grant(launch.cwd)] if is_own and launch.cwd else []
    # What a publisher wrote into an argument or a variable gives nothing: only what a person named does.
    named = _named(words[1:] if is_own else launch.granted, launch.env, layout, are_ours=is_own)
    asked, notes = _narrowed(asked, named, own, layout)
    path = launch.env.get("PATH", os.defpath)
    content = str(layout.state / "content")
    runtime = [_grant(place) for place in runtime_places(program, path, broad=layout.broad, strange=content)]
    hidden = layout.hidden()
    settled = settle(own, [_grant(place) for place in system()], [*asked, *runtime], hidden)
    cwd = base if any(is_inside(base, grant.path) for grant in settled.grants) else str(data)
    told = {grant.path for grant in asked}
    given = tuple(path for path in settled.given if path in told)
    return Reach(settled.grants, hidden, str(data), cwd, given, (*settled.notes, *notes, *missing))


def _make(folder: Path) -> None:
    """Make a folder where the server may write; what it put in its place (a link, a file) goes and is not followed."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            folder.unlink()
            folder.mkdir(mode=0o700)


def environment(reach: Reach, env: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """What replaces or completes a confined server's variables: places of its own where ours would be out of reach."""
    tmp = f"{reach.data}/tmp"  # noqa: S108 - a folder of its own
    own = dict.fromkeys(_OURS, tmp) | {"HOME": reach.data}
    return {key: value for key, value in own.items() if key not in env or env[key] == ours.get(key)}


def _grant(path: str, *, write: bool = False) -> Grant:
    return Grant(absolute(path), os.path.realpath(path), write)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long, or not for us: it gives nothing
        return False


def _policy_grants(policy: SandboxPolicy) -> tuple[list[Grant], list[str]]:
    wanted = [(path, True) for path in policy.read_write_paths] + [(path, False) for path in policy.read_only_paths]
    grants = [_grant(path, write=write) for path, write in wanted if _exists(path)]
    return grants, [f"{path} does not exist" for path, _ in wanted if not _exists(path)]


def _packages(words: Sequence[str], launch: StdioLaunch, layout: Layout) -> list[Grant]:
    """The installed content that a launch names first; it is its own, and not to be changed."""
    content = absolute(str(layout.state / "content"))
    named = [launch.cwd or "", *words, *launch.env.values()]
    folders = [part for text in named for part in parts_of(text) if is_inside(part, content) and part != content]
    digests = dict.fromkeys(folder[len(content) + 1 :].split("/")[0] for folder in folders)
    # Whatever comes later may be the publisher's word for what another server has.
    return [_grant(f"{content}/{digest}") for digest in [*digests][:1]]


def _narrowed(
    asked: Sequence[Grant], named: Sequence[Grant], own: Sequence[Grant], layout: Layout
) -> tuple[list[Grant], list[str]]:
    """Join what is asked for by other ways with what words name; without what is too much, and what a server made."""
    kept: list[Grant] = []
    notes: list[str] = []
    reals = {grant.real for grant in asked}
    broad = {grant: _is_broad(grant.real, layout) for grant in named}
    changeable = [grant for grant in (*own, *asked, *(one for one in named if not broad[one])) if grant.write]
    for grant in (*asked, *named):
        if grant not in asked and broad[grant]:
            if grant.real not in reals:
                notes.append(f"{grant.path} is not given, because it holds much else: name it in ReadWritePaths")
        elif (out := _way_out(grant, changeable)) is not None:
            notes.append(f"{grant.path} is not given: it leads out of {out}, which the server may change")
        else:
            kept.append(grant)
    return kept, notes


def _is_broad(real: str, layout: Layout) -> bool:
    state = os.path.realpath(layout.state)
    homes = {os.path.realpath(layout.ours.get("HOME", "/")), "/root"}
    is_around = real != state and is_inside(state, real)
    return is_around or real in BROAD | homes or str(Path(real).parent) == "/home" or real.startswith(_KERNELS)


def _way_out(grant: Grant, changeable: Iterable[Grant]) -> str | None:
    """The folder that the server may change and in which a link leads elsewhere: it may have made that link."""
    if grant.path == grant.real:
        return None
    spots = links_in(grant.path)
    for other in changeable:
        if not is_inside(grant.real, other.real) and any(
            spot != other.real and is_inside(spot, other.real) for spot in spots
        ):
            return other.path
    return None


def _named(words: Iterable[str], env: Mapping[str, str], layout: Layout, *, are_ours: bool) -> list[Grant]:
    """The places that words name, and variables if they are ours. What looks like code may only be read."""
    inherited = {key for key in _OURS if env.get(key) == layout.ours.get(key)}
    code = {part for key in _CODE_PATHS & env.keys() for part in parts_of(env[key])}
    texts = [*words]
    texts += [text for key, text in env.items() if are_ours and key not in _NOT_PLACES | inherited]
    return [
        _grant(part, write=part not in code and not part.endswith(CODE_SUFFIXES))
        for text in texts
        for part in parts_of(text)
        if _exists(part)
    ]


def parts_of(text: str) -> list[str]:
    """The absolute paths in a word: the whole, what follows `=`, or the items of a list."""
    whole = text.partition("=")[2] if text.startswith("-") and "=" in text else text
    parts = [whole, *whole.split(":"), *whole.split(",")] if "\0" not in whole else []
    # What follows a colon in an address is no path.
    return [absolute(part) for part in dict.fromkeys(parts) if part.startswith("/") and not part.startswith("//")]


def _code(words: Iterable[str], base: str, layout: Layout) -> list[Grant]:
    """The files of code that a command names, each with the project around it."""
    files = [absolute(word, base) for word in words if word.endswith(CODE_SUFFIXES) and not word.startswith("-")]
    return [_grant(place) for file in files if Path(file).is_file() for place in (file, *_project(file, layout))]


def _project(file: str, layout: Layout) -> list[str]:
    folders = [str(folder) for folder in Path(file).parents][:PROJECT_DEPTH]
    near: list[str] = []
    for folder in folders:
        if folder in layout.broad:
            break
        near.append(folder)
    marked = [folder for folder in near if any(_exists(f"{folder}/{mark}") for mark in PROJECT_MARKS)]
    return near[:1] + marked[:1]
