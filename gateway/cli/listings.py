"""Found and shown listings as lines for people: a table to choose from, one listing in full."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

from gateway.admin.web import words
from gateway.cli.output import clean, fields, spelled, table

Json = dict[str, Any]
MAX_VERSIONS = 10  # releases named by `show`; --json has all of them
INDENT = "    "
MIN_WIDTH = 40
_INPUTS = ("environment", "headers", "variables", "runtime_arguments", "package_arguments")
_JUDGED = {"compatible", "chosen", "reasons", "checks", "config_schema", *_INPUTS}


def found_lines(result: Json) -> Iterable[str]:
    """Every server in one row, then what it is and what to know before installing it; last, who could not be asked."""
    found = result.get("items") or []
    if not found:
        near = result.get("nearest") or []
        yield "Nothing found." + (f" Did you mean {', '.join(map(clean, near))}?" if near else "")
    head = ("NAME", "SOURCE", "KIND", "VERIFIED", "USES", "COMPATIBLE")
    rows = table(head, [_row(item) for item in found], right=("USES",)) if found else []
    yield from rows[:1]
    for row, item in zip(rows[1:], found, strict=True):
        yield row
        yield from _about(item)
    yield from _trouble_of(result)


def _row(item: Json) -> list[object]:
    return [
        item["name"],
        item["source"] + (f" +{others}" if (others := len(item.get("sources") or [0]) - 1) > 0 else ""),
        words.NOTHING if item.get("remote") is None else "remote" if item["remote"] else "local",
        words.plain(item.get("verified")),
        words.plain(item.get("use_count")),
        words.plain(item.get("compatible")),
    ]


def _about(item: Json) -> Iterable[str]:
    if item.get("description"):
        yield _cut(f"{INDENT}{clean(item['description'])}")
    if item.get("installed"):
        yield f"{INDENT}installed"
    if item.get("compatible") is False:
        yield f"{INDENT}not here: {clean('; '.join(item.get('reasons') or ['it says not why']))}"
    yield from (f"{INDENT}warning: {clean(warning)}" for warning in item.get("warnings") or [])


def _cut(line: str) -> str:
    """Cut a line to the terminal; what goes into a file or a pipe stays whole."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else len(line)
    return line if len(line) <= max(width, MIN_WIDTH) else line[: max(width, MIN_WIDTH) - 1] + "…"


def _trouble_of(result: Json) -> Iterable[str]:
    for source in result.get("sources") or []:
        if source["state"] != "ok":
            age = f", answers of {words.span(source['age_s'])} ago" if source.get("age_s") is not None else ""
            message = clean(source.get("message") or "no reason given")
            if message.startswith("not asked"):  # by the person's own wish: nothing is wrong with it
                yield f"{source['name']}: {message}{age}"
            else:
                yield f"{source['name']} is {source['state']}{age}: {message}"


def listing_lines(item: Json) -> Iterable[str]:
    """One listing in full."""
    yield from fields(
        [
            ("name", item.get("name")),
            ("title", words.plain(item.get("display_name"))),
            ("source", words.plain(item.get("source"))),
            ("listed", _lines(_origin(origin) for origin in item.get("origins") or [])),
            ("about", _wrapped(item.get("description"))),
            ("version", words.plain(item.get("version"))),
            ("versions", _versions(item)),
            ("status", _status(item)),
            ("verified", words.plain(item.get("verified"))),
            ("uses", words.plain(item.get("use_count"))),
            ("home page", words.plain(item.get("homepage"))),
            ("repository", words.plain(item.get("repository"))),
            ("compatible", words.plain(item.get("compatible"))),
            ("reasons", _lines(item.get("reasons") or [])),
            ("scan passed", words.plain(item.get("scan_passed"))),
            ("checks", _lines(_checks(item))),
            ("connections", _lines(_connections(item))),
            ("configuration", _lines(_configuration(item))),
            ("tools", _lines(_tool(tool) for tool in item.get("tools") or [])),
            ("command", _lines(_commands(item.get("command")))),
            ("warnings", _lines(str(warning) for warning in item.get("warnings") or [])),
        ]
    )


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(clean(line) for line in lines) or words.NOTHING


def _wrapped(text: object) -> str:
    return _lines(textwrap.wrap(clean(text or ""), 84))


def _origin(origin: Json) -> str:
    version = f" {origin['version']}" if origin.get("version") else ""
    status = f" ({origin['status']})" if origin.get("status") not in {None, "active"} else ""
    return f"{origin['source']}: {origin['name']}{version}{status}"


def _checks(item: Json) -> Iterable[str]:
    """What a person should look at: everything but what is fine or not known yet."""
    for check in item.get("checks") or []:
        if check.get("state") in {"failed", "warning"}:
            fix = f" Fix: {check['fix']}" if check.get("fix") else ""
            yield f"{check['state']}: {check['what']}: {check['message']}.{fix}"


def _connections(item: Json) -> Iterable[str]:
    """Each way to connect in the publisher's order: the one that would be used, and why the others would not."""
    for connection in item.get("connections") or []:
        said = [f"{key} {spelled(value)}" for key, value in connection.items() if _is_said(key, value)]
        yield ", ".join([words.plain(connection.get("type")), *said])
        if connection.get("chosen"):
            yield "  would be used"
        elif connection.get("reasons"):
            yield f"  would not: {'; '.join(connection['reasons'])}"
        elif connection.get("compatible"):
            yield "  could be used; the publisher names another one first"


def _is_said(key: str, value: object) -> bool:
    return key != "type" and key not in _JUDGED and isinstance(value, str) and bool(value)


def _configuration(item: Json) -> Iterable[str]:
    """One line for each value that it takes: by its schema, and by what its chosen connection asks for."""
    schema = item.get("config_schema") or {}
    required = schema.get("required") if isinstance(schema.get("required"), list) else []
    properties = schema.get("properties") if isinstance(schema.get("properties"), dict) else {}
    for key, value in (properties or {}).items():
        one = value if isinstance(value, dict) else {}
        # MCPB manifests mark the value itself, JSON Schema lists the names.
        needed = key in (required or []) or one.get("required") is True
        yield _setting(str(key), one.get("type"), one, is_required=needed, allowed=one.get("enum"))
    ways = item.get("connections") or []
    for way in [way for way in ways if way.get("chosen")] or ways[:1]:
        for place in _INPUTS:
            for one in way.get(place) or []:
                if one.get("value") is None or one.get("variables"):
                    yield _setting(one["name"], one.get("format"), one, one.get("required"), one.get("choices"))


def _setting(key: str, kind: object, said: Json, is_required: object, allowed: object) -> str:
    marks = [spelled(kind) if isinstance(kind, str | list) else "any", "required" if is_required else "optional"]
    marks += ["secret"] if said.get("secret") or said.get("sensitive") or said.get("format") == "password" else []
    if said.get("default") is not None:
        marks.append(f"default {said['default']!s}")
    if isinstance(allowed, list) and allowed:
        marks.append(f"one of {', '.join(map(str, allowed))}")
    about = said.get("description") or said.get("title")
    return f"{key} ({', '.join(marks)})" + (f": {about}" if about else "")


def _tool(tool: Json) -> str:
    about = str(tool.get("description") or "").strip().split("\n")[0]
    return _cut(f"{tool.get('name')}: {about}") if about else str(tool.get("name"))


def _commands(command: object) -> Iterable[str]:
    """Every step as a line that a shell would take; nothing here goes through a shell."""
    steps = command if isinstance(command, list) else []
    if steps and all(isinstance(step, str) for step in steps):
        yield shlex.join(steps)
        return
    for step in steps:
        if isinstance(step, dict):
            yield f"{step.get('step')}: {_command(step)}"
            yield from (f"  with {name}={shlex.quote(str(value))}" for name, value in (step.get("env") or {}).items())


def _command(step: Json) -> str:
    argv = step.get("argv") or step.get("command")
    if isinstance(argv, list):
        return shlex.join(map(str, argv))
    said = {key: value for key, value in step.items() if key not in {"step", "env"} and value}
    return ", ".join(f"{key} {_value(value)}" for key, value in said.items())


def _value(value: object) -> str:
    return spelled(value) if isinstance(value, dict | list) else str(value)


def _versions(item: Json) -> str:
    """Name the newest releases; what is not simply offered says so."""
    known = item.get("versions") or []
    shown = [
        f"{one['version']} ({one['status']})" if one.get("status") not in {None, "active"} else one["version"]
        for one in known[:MAX_VERSIONS]
    ]
    more = [f"and {len(known) - MAX_VERSIONS} more"] if len(known) > MAX_VERSIONS else []
    return ", ".join(shown + more) or words.NOTHING


def _status(item: Json) -> str:
    """Say whether the server is offered, since when it is not, and what its publisher says about that."""
    status = item.get("status") or "active"
    if status == "active":
        return "active"
    since = f" since {item['status_changed_at']}" if item.get("status_changed_at") else ""
    said = f": {item['status_message']}" if item.get("status_message") else ""
    return f"{'withdrawn' if status == 'deleted' else status}{since}{said}"
