"""The state directory: its lock, keys and token files, and `daemon.json`, by which programs find the daemon."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from gateway.errors import GatewayError


class AlreadyRunning(GatewayError):
    """Another daemon holds this state directory."""

    code = "already_running"


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Paths below one state directory; everything in it is private to its owner."""

    root: Path

    def prepare(self) -> None:
        """Create the directory (0700) if need be.

        Raises: GatewayError when it cannot be used.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in ("content", "servers", "secrets", "data", "learning"):
                (self.root / part).mkdir(mode=0o700, exist_ok=True)
            if not os.access(self.root, os.W_OK):
                raise PermissionError(errno.EACCES, "no permission to write", str(self.root))
        except OSError as exc:
            raise GatewayError(
                f"the state directory {self.root} cannot be used: {exc.strerror}",
                fix="Give --state-dir a directory that you may write to.",
                code="state_dir",
            ) from exc

    def close_again(self) -> list[str]:
        """Give what is private its modes back (0700 and 0600) where somebody changed them; returns what that was.

        A server that landlock confines reads nothing here, but could change modes: the kernel has no rule for that.
        What an installation unpacked and what servers keep in their own folders is left as it is.
        """
        places = [self.root, *_inside(self.root)]
        places += [place for part in ("servers", "secrets", "learning") for place in _beneath(self.root / part)]
        return [str(place.relative_to(self.root)) for place in places if _close(place)]

    @property
    def identity(self) -> str:
        """Tells this directory's gateway from others on this machine; not a secret."""
        return short_hash(str(self.root.resolve()))

    @property
    def store_path(self) -> Path:
        """The SQLite file."""
        return self.root / "gateway.db"

    @property
    def learning(self) -> Path:
        """Snapshots, checkpoints and event files of the learner."""
        return self.root / "learning"

    @property
    def daemon_file(self) -> Path:
        """`daemon.json` of the running daemon."""
        return self.root / "daemon.json"

    def token_file(self, which: str) -> Path:
        """The file of the agents' (`token`) or the administration's (`admin-token`) bearer token."""
        return self.root / which

    def key(self, name: str) -> bytes:
        """Return the 32-byte key of that name, made at first use."""
        path = self.root / f"{name}.key"
        if path.exists():
            return path.read_bytes()
        value = secrets.token_bytes(32)
        write_private(path, value)
        return value

    def write_daemon_file(self, *, url: str, version: str, started_at: str) -> None:
        """Tell other programs where the daemon is."""
        text = json.dumps({"pid": os.getpid(), "url": url, "version": version, "started_at": started_at})
        write_private(self.daemon_file, text.encode())


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _beneath(folder: Path) -> Iterator[Path]:
    for place in _inside(folder):
        yield place
        if place.is_dir() and not place.is_symlink():
            yield from _beneath(place)


def _close(place: Path) -> bool:
    try:
        mode = place.lstat().st_mode
        wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) or stat.S_IMODE(mode) == wanted:
            return False
        place.chmod(wanted)
    except OSError:  # gone again, or somebody else's: the next round looks once more
        return False
    return True


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class StateLock:
    """`flock` on STATE/lock: one daemon (or one offline verb that writes) at a time."""

    def __init__(self, state: StateDirectory) -> None:
        self._path = state.root / "lock"
        self._descriptor: int | None = None

    def __enter__(self) -> StateLock:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._descriptor)
            self._descriptor = None
            raise AlreadyRunning(
                f"another mcp-gateway uses the state directory {self._path.parent}",
                fix="Stop it, or give this one its own --state-dir.",
            ) from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def short_hash(token: str) -> str:
    """Name a principal by its token without telling the token."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
