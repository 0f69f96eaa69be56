"""The exact command lines that an installation runs, so that a plan can show what the installer will do. No I/O.

All run in a fresh work folder, by relative paths; nothing goes through a shell, and names stand behind `--`.
"""

from __future__ import annotations

from datetime import UTC, datetime

Argv = tuple[str, ...]

NPM_LOCK = "package-lock.json"
UV_INPUT = "requirements.in"
UV_LOCK = "requirements.txt"
UV_EXPLAINED = "pylock.toml"
VENV = "venv"
VENV_PYTHON = f"{VENV}/bin/python"


def cutoff(now: float, cooldown_s: float) -> str | None:
    """The moment before which a release must have been published, as RFC 3339; None when any age will do."""
    if cooldown_s <= 0:
        return None
    return datetime.fromtimestamp(now - cooldown_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# A package may depend on a git repository, a web address or a folder: npm would fetch them, and run what a repository
# says while preparing it, scripts forbidden or not. Older npm that does not know these words finds no git to run.
_REGISTRY_ONLY = (
    "--allow-git=none", "--allow-remote=none", "--allow-file=none", "--allow-directory=none",
    "--git=/dev/null/no-git-dependencies",
)  # fmt: skip
_QUIET = ("--json", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev")


def npm_view(npm: str, package: str) -> Argv:
    """Ask the registry which versions exist and when they were published."""
    return (npm, "view", "--json", "--", package, "time", "dist-tags", "versions")


def npm_lock(npm: str, before: str | None) -> Argv:
    """Resolve the whole tree into a lock of our own; fetches no package.

    npm leaves out the address of what comes from its configured registry; an address in the lock is from elsewhere.
    """
    fresh = (f"--before={before}",) if before else ()
    lock = ("--package-lock-only", "--omit-lockfile-registry-resolved")
    return (npm, "install", *lock, *_QUIET, *_REGISTRY_ONLY, *fresh)


def npm_ci(npm: str) -> Argv:
    """Install exactly the lock, running no script of any package."""
    return (npm, "ci", *_QUIET, *_REGISTRY_ONLY)


def uv_compile(uv: str, python: str, before: str | None) -> Argv:
    """Resolve the requirements into a lock with hashes, of wheels only: nothing is built, so nothing runs."""
    fresh = ("--exclude-newer", before) if before else ()
    return (
        uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:", "--generate-hashes",
        "--python", python, *fresh, "--output-file", UV_LOCK, UV_INPUT,
    )  # fmt: skip


def uv_explain(uv: str, python: str) -> Argv:
    """Resolve once more without a cut-off, into a lock that tells when each file was uploaded."""
    return (
        uv, "pip", "compile", "--quiet", "--only-binary", ":all:", "--python", python, "--format", "pylock.toml",
        "--output-file", UV_EXPLAINED, UV_INPUT,
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
