"""A manifest's options and `${…}` placeholders, filled in for one installation. No I/O.

Follows MCPB: an array-valued `${user_config.key}` that is a whole argument becomes several arguments; booleans are
`true` and `false`. The directories a placeholder names (`${HOME}`, `${DOCUMENTS}` …) are the server's own private
folder: a bundle's default must not open a person's home by itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from gateway.errors import InstallError
from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.planning.settings import Problems, Settings, as_text, coerce, secret_reference

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
_WHOLE_OPTION = re.compile(r"\$\{user_config\.([^{}]+)\}")


def fill_options(manifest: Manifest, settings: Settings, secrets: Collection[str]) -> dict[str, Any]:
    """Return the value of each option: given, secret (as placeholder) or default; absent ones are left out.

    Raises: SettingsError naming everything missing or wrong by its title.
    """
    problems = Problems()
    given = flattened(settings)
    problems.unknown([key for key in given if key not in manifest.options], manifest.options.keys())
    values: dict[str, Any] = {}
    for key, option in manifest.options.items():
        if key in secrets:
            values[key] = secret_reference(key)
        elif key in given:
            values[key] = _typed(option, given[key], problems)
        elif option.default is not None:
            values[key] = option.default
        elif option.required:
            problems.missing(key, option.title, secret=option.sensitive)
    problems.raise_if_any(manifest.name)
    return values


def flattened(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Spell nested settings by dotted keys."""
    # Smithery's schemas turn dotted option keys into nested objects; both spellings are understood.
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _typed(option: Option, value: Any, problems: Problems) -> Any:
    if option.multiple:
        items = coerce(value, "array")
        return [_single(option, item, problems) for item in (items if isinstance(items, list) else [items])]
    return _single(option, value, problems)


def _single(option: Option, value: Any, problems: Problems) -> Any:
    label = option.title or option.key
    match option.type:
        case "number":
            number = coerce(value, "number")
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                problems.add(f"{label!r} must be a number")
                return value
            low, high = option.minimum, option.maximum
            if (low is not None and number < low) or (high is not None and number > high):
                problems.add(f"{label!r} must lie between {low} and {high}")
            return number
        case "boolean":
            flag = coerce(value, "boolean")
            if not isinstance(flag, bool):
                problems.add(f"{label!r} must be true or false")
            return flag
        case _:
            if not isinstance(value, (str, int, float)) or "\0" in str(value):
                problems.add(f"{label!r} must be a text")
            return as_text(value)


def bundle_variables(files: str, data: str) -> dict[str, str]:
    """The placeholders that do not depend on options: where the bundle lies, and its private folders."""
    home = {"HOME": data} | {key: f"{data}/{key.title()}" for key in ("DESKTOP", "DOCUMENTS", "DOWNLOADS")}
    return {"__dirname": files, "pathSeparator": "/", "/": "/", **home}


def fill(text: str, options: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    """Replace every placeholder of one text.

    Raises: InstallError for a placeholder that nobody defines: handing the literal text to a server hides a mistake.
    """

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("user_config."):
            return as_text(options.get(name.removeprefix("user_config."), ""))
        if name not in variables:
            raise InstallError(f"the bundle's manifest uses ${{{name[:60]}}}, which nobody defines", step="manifest")
        return variables[name]

    filled = _PLACEHOLDER.sub(replacement, text)
    # A default may itself name a folder, as in "${HOME}/notes"; secrets are for the supervisor.
    return re.sub(r"\$\{(HOME|DESKTOP|DOCUMENTS|DOWNLOADS|__dirname)\}", lambda match: variables[match[1]], filled)


def fill_args(args: Collection[str], options: Mapping[str, Any], variables: Mapping[str, str]) -> list[str]:
    """Fill in arguments; a list expands into several, an option that is not set drops its argument."""
    filled: list[str] = []
    for arg in args:
        whole = _WHOLE_OPTION.fullmatch(arg)
        if whole is None:
            filled.append(fill(arg, options, variables))
            continue
        value = options.get(whole[1])
        items = value if isinstance(value, list) else [] if value is None else [value]
        filled += [fill(as_text(item), {}, variables) if _names_folder(item) else as_text(item) for item in items]
    return filled


def _names_folder(item: Any) -> bool:
    return isinstance(item, str) and re.search(r"\$\{(HOME|DESKTOP|DOCUMENTS|DOWNLOADS|__dirname)\}", item) is not None
