"""Looks whether the folders and files that a person (or a default) names for a bundle are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.planning.settings import Problems

_PLACES = {"directory", "file"}


def check_places(manifest: Manifest, options: Mapping[str, Any], home: Path) -> tuple[str, ...]:
    """Check every folder and file option; return the folders below `home`, which defaults name and we make.

    Raises: SettingsError naming each place that is missing by its option's title.
    """
    problems = Problems()
    own: list[str] = []
    for key, option in manifest.options.items():
        if option.type not in _PLACES or key not in options:
            continue
        value = options[key]
        for item in value if isinstance(value, list) else [value]:
            path = Path(str(item))
            if path.is_relative_to(home) and ".." not in path.parts and option.type == "directory":
                own.append(str(path.relative_to(home)))
            elif not str(item).startswith("${secret:"):
                _check(option, str(item), path, problems)
    problems.raise_if_any(manifest.name)
    return tuple(own)


def _check(option: Option, text: str, path: Path, problems: Problems) -> None:
    label = option.title or option.key
    kind = "folder" if option.type == "directory" else "file"
    try:
        is_there = path.is_dir() if option.type == "directory" else path.is_file()
        is_something = path.exists()
    except (OSError, ValueError):
        is_there = is_something = False
    if not text and not option.required:
        return
    if not path.is_absolute():
        problems.add(f"{label!r} must be an absolute path of a {kind}, not {text[:80]!a}")
    elif is_something and not is_there:
        problems.add(f"{label!r} must be a {kind}, which {text[:200]!a} is not")
    elif not is_there:
        problems.add(f"{label!r}: there is no {kind} {text[:200]!a} (or the gateway may not see it)")
