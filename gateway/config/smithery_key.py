"""Where the Smithery key comes from: the first of five places that has one. No I/O: readers are passed in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.config.credentials import CredentialReader, FileReader
from gateway.config.registries import SmitherySection
from gateway.errors import ConfigError, Problem

VARIABLE = "SMITHERY_API_KEY"
CREDENTIAL = "smithery-api-key"
SETTINGS_FOLDER = "SMITHERY_CONFIG_PATH"


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, the place it came from in words, and what is wrong with the last resort (which is never fatal)."""

    value: str = field(default="", repr=False)
    origin: str = ""
    trouble: str = ""


def find_key(
    section: SmitherySection,
    env: Mapping[str, str],
    read_credential: CredentialReader,
    read_file: FileReader | None,
    platform: str,
) -> FoundKey:
    """Return the first of: variable, systemd credential, `api_key`, `api_key_file`, the settings of Smithery's CLI.

    Raises: ConfigError for a key that no header can hold, or a key file that cannot be read.
    """
    for value, origin in (
        (env.get(VARIABLE, "").strip(), f"the variable {VARIABLE}"),
        ((read_credential(CREDENTIAL) or "").strip(), f"the systemd credential {CREDENTIAL}"),
        (section.api_key, "api_key in [smithery]"),
    ):
        if value:
            return FoundKey(_header_safe(value), origin)
    if section.api_key_file:
        return FoundKey(_header_safe(_file_key(section.api_key_file, read_file)), "api_key_file in [smithery]")
    path = settings_path(env, platform)
    if path is None or read_file is None or not section.enabled:
        return FoundKey()
    return _settings_key(path, read_file)


def settings_path(env: Mapping[str, str], platform: str) -> str | None:
    """Return where Smithery's own command line keeps its settings; None when the environment does not tell."""
    if folder := env.get(SETTINGS_FOLDER, "").strip():
        return f"{folder}/settings.json"
    variable, below = {"darwin": ("HOME", "Library/Application Support/"), "win32": ("APPDATA", "")}.get(
        platform, ("HOME", ".config/")
    )
    home = env.get(variable, "")
    return f"{home}/{below}smithery/settings.json" if home else None


def _file_key(path: str, read_file: FileReader | None) -> str:
    if read_file is None:
        raise ConfigError([Problem("smithery.api_key_file", f"cannot be read here; set {VARIABLE} instead")])
    try:
        return read_file(path).strip()
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError([Problem("smithery.api_key_file", f"cannot read {path}: {reason}")]) from exc


def _settings_key(path: str, read_file: FileReader) -> FoundKey:
    """Somebody else's file: whatever is wrong with it is said, and nothing stops."""
    try:
        settings = json.loads(read_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return FoundKey()
    except OSError as exc:
        return FoundKey(trouble=f"{path} cannot be read: {exc.strerror or 'no reason given'}")
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return FoundKey(trouble=f"{path} is not JSON; it is left out")
    key = settings.get("apiKey") if isinstance(settings, dict) else None
    if key is None or key == "":
        return FoundKey()
    if not isinstance(key, str) or not _is_header_safe(key.strip()):
        return FoundKey(trouble=f"apiKey in {path} is not one word of printable ASCII characters; it is left out")
    return FoundKey(key.strip(), f"apiKey in {path}")


def _header_safe(key: str) -> str:
    # The key itself must not appear in the message.
    if key and not _is_header_safe(key):
        raise ConfigError([Problem("smithery.api_key", "must be one word of printable ASCII characters")])
    return key


def _is_header_safe(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key
