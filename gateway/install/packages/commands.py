"""The exact command lines that an installation runs, so that a plan can show what the installer will do. No I/O.

All run in a fresh work folder, by relative paths; nothing goes through a shell, and names stand behind `--`.
"""

from __future__ import annotations

from datetime import UTC, datetime

Argv = tuple[str, ...]

NPM_LOCK = "package-lock.json"
UV_INPUT = "requirements.in"
UV_LOCK = "requirements.txt"
VENV = "venv"
VENV_PYTHON = f"{VENV}/bin/python"


def cutoff(now: float, cooldown_s: float) -> str | None:
    """The moment before which a release must have been published, as RFC 3339; None when any age will do."""
    if cooldown_s <= 0:
        return None
    return datetime.fromtimestamp(now - cooldown_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def npm_view(npm: str, package: str) -> Argv:
    """Ask the registry which versions exist and when they were published."""
    return (npm, "view", "--json", "--", package, "time", "dist-tags", "versions")


def npm_lock(npm: str, before: str | None) -> Argv:
    """Resolve the whole tree into a lock of our own; fetches no package."""
    fresh = (f"--before={before}",) if before else ()
    return (npm, "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", *fresh)


def npm_ci(npm: str) -> Argv:
    """Install exactly the lock, running no script of any package."""
    return (npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev")


def uv_compile(uv: str, python: str, before: str | None) -> Argv:
    """Resolve the requirements into a lock with hashes, of wheels only: nothing is built, so nothing runs."""
    fresh = ("--exclude-newer", before) if before else ()
    return (
        uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:", "--generate-hashes",
        "--python", python, *fresh, "--output-file", UV_LOCK, UV_INPUT,
    )  # fmt: skip


def uv_venv(uv: str, python: str) -> Argv:
    """Make a virtual environment that survives being moved into place."""
    return (uv, "venv", "--quiet", "--relocatable", "--no-project", "--python", python, VENV)


def uv_sync(uv: str) -> Argv:
    """Install exactly the lock, every file checked by its hash.

    Copies, not links: a server that writes into its own files must not change the cache that others install from.
    """
    return (
        uv, "pip", "sync", "--quiet", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy",
        "--python", VENV_PYTHON, UV_LOCK,
    )  # fmt: skip


def compile_bytecode(python: str) -> Argv:
    """Compile modules ahead of the first start; `-I -S` keeps the packages' own start-up hooks (.pth) from running."""
    return (python, "-I", "-S", "-m", "compileall", "-q", "-j", "2", f"{VENV}/lib")
