"""A manifest's options and `${…}` placeholders, filled in for one installation. No I/O.

Follows MCPB: an array-valued `${user_config.key}` that is a whole argument becomes several arguments; booleans are
`true` and `false`; defaults may name folders. The folders that a placeholder names (`${HOME}`, `${DOCUMENTS}` …) are
the server's own private ones: a bundle's default must not open a person's home by itself. An argument or variable
that names an option which nobody set is left out; a placeholder that nobody defines is an error, never handed on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import InstallError
from gateway.install.bundles.manifest import Manifest, Option
from gateway.install.planning.settings import Problems, Settings, as_text, coerce, secret_reference

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
_OPTION = "user_config."
_PUBLISHER = "Tell the bundle's publisher."


@dataclass(frozen=True, slots=True)
class Values:
    """Everything that placeholders may name: variables, the options that are set, and those that may be unset."""

    variables: Mapping[str, str]
    options: Mapping[str, Any]
    declared: Collection[str] = ()


def fill_options(
    manifest: Manifest, settings: Settings, secrets: Collection[str], variables: Mapping[str, str]
) -> dict[str, Any]:
    """Return the value of each option: given, secret (as placeholder) or default; absent ones are left out.

    Raises: SettingsError naming everything missing or wrong by its title; InstallError for a default that names
    what nobody defines.
    """
    problems = Problems()
    given = flattened(settings)
    problems.unknown([key for key in given if key not in manifest.options], manifest.options.keys())
    values: dict[str, Any] = {}
    for key, option in manifest.options.items():
        if key in secrets:
            values[key] = secret_reference(key)
        elif key in given and not (option.required and _is_empty(given[key])):
            values[key] = _typed(option, given[key], problems)
        elif option.default is not None and not (option.required and _is_empty(option.default)):
            values[key] = _typed(option, _expanded(option.default, variables), problems)
        elif option.required:
            problems.missing(key, option.title, secret=option.sensitive, description=option.description)
    problems.raise_if_any(manifest.name)
    return values


def _is_empty(value: Any) -> bool:
    return value in (None, "") or (isinstance(value, (list, tuple)) and (not value or any(map(_is_empty, value))))


def _expanded(default: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(default, list):
        return [_expanded(item, variables) for item in default]
    return fill(default, Values(variables, {})) if isinstance(default, str) else default


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
            _check_limits(option, number, "", problems)
            return number
        case "boolean":
            flag = coerce(value, "boolean")
            if not isinstance(flag, bool):
                problems.add(f"{label!r} must be true or false")
            return flag
        case _:
            if not isinstance(value, (str, int, float)) or "\0" in str(value):
                problems.add(f"{label!r} must be a text")
            text = as_text(value)
            _check_limits(option, len(text), " characters", problems)
            return text


def _check_limits(option: Option, number: float, unit: str, problems: Problems) -> None:
    low, high = option.minimum, option.maximum
    what = option.title or option.key
    if low is not None and number < low:
        problems.add(f"{what!r} must be at least {low:g}{unit}")
    if high is not None and number > high:
        problems.add(f"{what!r} must be at most {high:g}{unit}")


def bundle_variables(files: str, data: str) -> dict[str, str]:
    """The placeholders that do not depend on options: where the bundle lies, and its private folders."""
    home = {"HOME": data} | {key: f"{data}/{key.title()}" for key in ("DESKTOP", "DOCUMENTS", "DOWNLOADS")}
    return {"__dirname": files, "pathSeparator": "/", "/": "/", **home}


def fill(text: str, values: Values) -> str:
    """Replace every placeholder of one text; an option that is declared but not set becomes nothing.

    Raises: InstallError for a placeholder that nobody defines.
    """
    return _PLACEHOLDER.sub(lambda match: _value(match[1], values) or "", text)


def fill_or_drop(text: str, values: Values) -> str | None:
    """Replace every placeholder of one text; None when it names an option that is not set.

    Raises: InstallError for a placeholder that nobody defines.
    """
    found = [_value(name, values) for name in _PLACEHOLDER.findall(text)]
    return None if None in found else fill(text, values)


def _value(name: str, values: Values) -> str | None:
    if name.startswith(_OPTION):
        key = name.removeprefix(_OPTION)
        if key in values.options:
            return as_text(values.options[key])
        if key in values.declared:
            return None
        raise InstallError(
            f"the bundle's manifest uses ${{{name[:60]}}}, an option that it does not declare",
            step="manifest",
            fix=_PUBLISHER,
        )
    if name not in values.variables:
        raise InstallError(
            f"the bundle's manifest uses ${{{name[:60]}}}, which nobody defines", step="manifest", fix=_PUBLISHER
        )
    return values.variables[name]


def fill_args(args: Sequence[str], values: Values) -> list[str]:
    """Fill in arguments; a list expands into several, an argument that names an unset option is left out.

    Raises: InstallError for a placeholder that nobody defines.
    """
    filled: list[str] = []
    for arg in args:
        whole = _PLACEHOLDER.fullmatch(arg)
        value = values.options.get(whole[1].removeprefix(_OPTION)) if whole and whole[1].startswith(_OPTION) else None
        if isinstance(value, list):
            filled += [as_text(item) for item in value]
        elif (text := fill_or_drop(arg, values)) is not None:
            filled.append(text)
    return filled
