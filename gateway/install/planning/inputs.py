"""The inputs that a registry says a package or a remote server wants, matched with what a person gave. No I/O.

The rules, for every kind of input:

* `value` is the publisher's and fixed; only its `{variables}` are the person's. `default` serves when nothing is given.
* An optional input whose template needs a variable that nobody gave is left out, whatever the variable says; once any
  of its variables is given, all that the template needs are wanted. A template is never handed on half filled.
* `{names}` that the listing does not explain stay as they are.
* `choices` and `format` judge what a person gives (each item of a list). `boolean` becomes true or false, `number` is
  spelled in decimals, `filepath` must be absolute: a server does not run where the person typed.
* Secrets never stand on a command line, where every process could read them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gateway.install.planning.environment import why_variable_denied
from gateway.install.planning.settings import Placeholder, Problems, Settings, as_text, coerce, secret_reference
from gateway.listing import InputSpec

_VARIABLE = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
_FORMATS = {"number": "a number", "boolean": "true or false", "filepath": "an absolute path"}

Put = Callable[[InputSpec, str], str]
"""Spell a variable's text for its place in a template; `${secret:KEY}` stands for a secret."""


def _as_it_is(_: InputSpec, text: str) -> str:
    return text


class Inputs:
    """Looks up values and remembers which keys were used; what stays unused was a mistake."""

    def __init__(self, settings: Settings, secrets: Collection[str], problems: Problems) -> None:
        self._settings = settings
        self._secrets = secrets
        self._problems = problems
        self._known: set[str] = set()
        self._missed: set[str] = set()

    def value(self, spec: InputSpec) -> str | None:
        """Return the text of one input, `${secret:KEY}` for a secret, or None when it is optional and not given."""
        if spec.value is not None:
            return self._filled(spec, spec.value)
        key = self._asked(spec)
        if key in self._secrets:
            return secret_reference(key)
        if key in self._settings:
            return self._checked(spec, key, self._settings[key])
        if spec.default is not None:
            return self._filled(spec, spec.default)
        if spec.required:
            self._miss(spec)
        return None

    def values(self, spec: InputSpec) -> list[str]:
        """Return the texts of an argument: several when it may be repeated and a list is given."""
        key = key_of(spec)
        given = self._settings.get(key) if spec.value is None and key not in self._secrets else None
        if isinstance(given, list | tuple):
            self._asked(spec)
            if not spec.repeated:
                self._problems.add(f"{key!r} takes one value, not {len(given)}")
            return [self._checked(spec, key, item) for item in given]
        value = self.value(spec)
        return [] if value is None else [value]

    def know(self, keys: Iterable[str]) -> None:
        """Take keys for known, whatever becomes of their values."""
        self._known.update(keys)

    def is_given(self, key: str) -> bool:
        """Whether a person gave a value of this key."""
        return key in self._settings or key in self._secrets

    def fill(self, template: str, variables: Iterable[InputSpec], put: Put = _as_it_is) -> str:
        """Replace `{name}` by the variable of that name, which must have a value; unknown names stay as they are."""
        whole = InputSpec("", required=True, variables=tuple(variables))
        return self._filled(whole, template, put) or ""

    def report_unused(self, *, otherwise: str = "") -> None:
        """Tell about keys that nobody asked for."""
        given = [*self._settings, *self._secrets]
        self._problems.unknown([key for key in given if key not in self._known], self._known, otherwise=otherwise)

    def _asked(self, spec: InputSpec) -> str:
        key = key_of(spec)
        self._known.add(key)
        return key

    def _miss(self, spec: InputSpec) -> None:
        if key_of(spec) in self._missed:
            return  # one value may stand in several places
        self._missed.add(key_of(spec))
        self._problems.missing(
            key_of(spec), _title(spec), secret=spec.secret, description=spec.description, choices=spec.choices
        )

    def _filled(self, spec: InputSpec, template: str, put: Put = _as_it_is) -> str | None:
        """Fill a publisher's text; None when an optional input is not used."""
        named = {match[1] for match in _VARIABLE.finditer(template)}
        self._known |= {key_of(variable) for variable in spec.variables if variable.value is None}
        used = [variable for variable in spec.variables if variable.name in named]
        if not spec.required and not any(self.is_given(key_of(one)) for one in used) and any(map(_needs_value, used)):
            return None
        if "${secret:" in template or any(ord(char) < 32 and char not in "\t\n" for char in template):
            self._problems.add(f"the listing's own text for {spec.name or 'its address'!r} cannot be used")
            return None
        found = {variable.name: (variable, self._of_variable(variable, spec)) for variable in used}
        texts = {name: put(variable, text) if text is not None else "" for name, (variable, text) in found.items()}
        return _VARIABLE.sub(lambda match: texts.get(match[1], match[0]), template)

    def _of_variable(self, variable: InputSpec, owner: InputSpec) -> str | None:
        # What stands in a secret is secret, and a template that is used needs all that it names.
        wanted = msgspec.structs.replace(variable, required=True, secret=variable.secret or owner.secret)
        return self.value(wanted)

    def _checked(self, spec: InputSpec, key: str, given: Any) -> str:
        if isinstance(given, Placeholder):
            return given
        text = as_text(given)
        if spec.choices and text not in spec.choices:
            self._problems.add(f"{key!r} must be one of {', '.join(spec.choices)}"[:200])
        if any((ord(char) < 32 and char != "\t") or ord(char) == 127 for char in text):
            self._problems.add(f"{key!r} contains control characters")
        spelled = _in_format(text, spec.format)
        if spelled is None:
            self._problems.add(f"{key!r} must be {_FORMATS[spec.format]}")
        return text if spelled is None else spelled


def key_of(spec: InputSpec) -> str:
    """The key by which a person gives this input: its name without leading dashes (and without a closing `=`)."""
    return spec.name.lstrip("-").removesuffix("=")


def _title(spec: InputSpec) -> str:
    """What a person is told of a value that is missing."""
    hint = f"for example {spec.placeholder}" if spec.placeholder else _FORMATS.get(spec.format, "")
    hint = f"one of {', '.join(spec.choices)}" if spec.choices else hint
    about = spec.description[:80]
    return f"{about} ({hint[:80]})" if about and hint else about or hint[:80]


def _needs_value(variable: InputSpec) -> bool:
    return variable.value is None and variable.default is None


def _in_format(text: str, kind: str) -> str | None:
    """Return the text as its format is spelled, None when it has not that format."""
    match kind:
        case "number":
            return None if isinstance(coerce(text, "number"), str) else text
        case "boolean":
            read = coerce(text, "boolean")
            return None if isinstance(read, str) else as_text(read)
        case "filepath":
            return text if text.startswith("/") else None
    return text


def environment_of(
    inputs: Inputs,
    specs: Iterable[InputSpec],
    problems: Problems,
    *,
    trusted: bool,
    why_denied: Callable[[str], str | None] = why_variable_denied,
) -> dict[str, str]:
    """Return the environment variables of a package; `trusted` lets our own catalogue set any."""
    found: dict[str, str] = {}
    for spec in specs:
        why = None if trusted else why_denied(spec.name)
        value = inputs.value(spec)
        if value is None:
            continue
        if why is not None:
            problems.add(f"the listing sets the variable {spec.name[:40]!a}, which is refused: {why}")
        found[spec.name] = value
    return found


def arguments_of(
    inputs: Inputs, specs: Iterable[InputSpec], problems: Problems, environment: Sequence[InputSpec] = ()
) -> list[str]:
    """Return the command line arguments of a package, in the listing's order.

    A secret is refused there; where the package also takes it from its `environment`, it is asked for by that name.
    """
    arguments: list[str] = []
    for spec in specs:
        if _needs_secret(inputs, spec):
            _keep_off_the_line(inputs, spec, problems, environment)
            continue
        for value in inputs.values(spec):
            arguments += _rendered(inputs, spec, value, problems)
    return arguments


def _needs_secret(inputs: Inputs, spec: InputSpec) -> bool:
    """Whether this argument, as things are given, would put a person's secret on the command line."""
    keys = secret_names([spec])
    if not keys or any(inputs.is_given(key) for key in keys):
        return bool(keys)
    text = spec.value if spec.value is not None else spec.default
    if text is None:
        return spec.required
    # A publisher's own text is public; only what a person would have to put into it is secret.
    named = {match[1] for match in _VARIABLE.finditer(text)}
    used = [one for one in spec.variables if one.name in named]
    is_used = spec.required or any(inputs.is_given(key_of(one)) for one in used)
    return is_used and any(key_of(one) in keys and _needs_value(one) for one in used)


def _keep_off_the_line(inputs: Inputs, spec: InputSpec, problems: Problems, environment: Sequence[InputSpec]) -> None:
    keys = sorted(secret_names([spec]))
    other = next((found for key in keys if (found := _in_environment(key, environment)) is not None), None)
    given = [key for key in keys if inputs.is_given(key)]
    inputs.know([*keys, *(key_of(one) for one in spec.variables)])
    if other is None or given:
        instead = f"; give it as {other.name} instead" if other is not None else ""
        shown = (given or keys)[0]
        problems.add(f"it wants the secret {shown!r} on its command line, where every process could read it{instead}")
    elif not other.required and not inputs.is_given(key_of(other)) and other.default is None:
        problems.missing(other.name, _title(other), secret=True, description=other.description)


def _in_environment(key: str, environment: Sequence[InputSpec]) -> InputSpec | None:
    """The one environment variable that takes the same secret as an argument: `--api-key` is ACME_API_KEY."""
    name = re.sub(r"[^A-Z0-9]+", "_", key.upper())
    takers = [spec for spec in environment if spec.value is None and spec.secret]
    same = [spec for spec in takers if spec.name.upper() == name]
    alike = [spec for spec in takers if spec.name.upper().endswith(f"_{name}")]
    return same[0] if same else alike[0] if len(alike) == 1 else None


def _rendered(inputs: Inputs, spec: InputSpec, value: str, problems: Problems) -> list[str]:
    if spec.kind != "named":
        own = spec.value if spec.value is not None else "" if inputs.is_given(key_of(spec)) else spec.default or ""
        if value.startswith("-") and not own.startswith("-"):
            problems.add(f"{key_of(spec)!r} must not start with '-', or it would be read as an option")
        return [value]
    if spec.format == "boolean":
        return [spec.name] if value.lower() == "true" else []
    if value == "" and spec.value is not None:
        return [spec.name]
    if spec.name.endswith("="):
        return [f"{spec.name}{value}"]
    # One word where two would be read wrongly: an empty value as none, one with a dash as the next option.
    return [f"{spec.name}={value}"] if value == "" or value.startswith("-") else [spec.name, value]


_DANGEROUS = {
    "-e", "--eval", "-p", "--print", "-r", "--require", "--import", "--loader", "--experimental-loader", "-c", "--call",
    "--node-options", "--node-arg", "--registry", "--index-url", "--index", "--default-index", "--extra-index-url",
    "--find-links", "--with", "--with-editable", "--from", "--package", "--script-shell", "--userconfig", "--prefix",
    "--inspect", "--inspect-brk", "--env-file",
}  # fmt: skip
# What only changes how much a launcher says, or how it fetches: there is no launcher here.
_HARMLESS = {
    "-y", "--yes", "-q", "--quiet", "--", "-s", "--silent", "--loglevel", "--no-progress", "--prefer-offline",
    "--no-cache", "--refresh", "--isolated", "--no-update-notifier", "--no-fund", "--no-audit",
}  # fmt: skip


def why_runtime_argument_refused(spec: InputSpec) -> str | None:
    """Say why an argument for npx, uvx or node is refused; None for the harmless ones, which are not needed here.

    We start what was installed by its path, so every argument for the launcher is either superfluous or an attempt.
    """
    word = (spec.name if spec.kind == "named" else (spec.value or spec.default or "")).split("=", 1)[0]
    if word in _HARMLESS:
        return None
    if word in _DANGEROUS:
        return f"{word} would run or fetch something else than the package"
    return f"the launcher argument {word[:40]!a} is not supported"


def secret_names(specs: Iterable[InputSpec]) -> set[str]:
    """The keys of all secret inputs, variables included."""
    found: set[str] = set()
    for spec in specs:
        if spec.secret and spec.value is None:
            found.add(key_of(spec))
        found |= secret_names(spec.variables)
        if spec.secret:
            # "Bearer {token}" is secret as a whole, so its variables are.
            found |= {key_of(variable) for variable in spec.variables if variable.value is None}
    return found


def split_secrets(settings: Mapping[str, Any], names: Collection[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Part settings from values that must go to the secret store."""
    plain = {key: value for key, value in settings.items() if key not in names}
    return plain, {key: as_text(value) for key, value in settings.items() if key in names}
