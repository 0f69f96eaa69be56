"""Would the language models' function calling accept a server's tools? Rules per provider. No I/O.

Names are no concern but for their first character: the names that clients see are made by the gateway, of at most 50
letters, digits, `_` and `-`, which all providers take. Only rules that a provider documents, or states in the error
by which it refuses a request, stand here; each says where.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gateway.install.schemas.shape import malformed
from gateway.listing import ListedTool

MAX_TOOLS = {"OpenAI": 128, "xAI": 128}
"""How many functions one request may carry: "tools" in the API references of OpenAI and xAI."""

MAX_NODES = 5_000  # parts of one schema that are looked at
_OPENAI_DESCRIPTION = 1024  # OpenAI, the error "string too long" for tools[].function.description
_ANTHROPIC_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TOP_LEVEL_CHOICES = ("oneOf", "anyOf", "allOf")

Node = tuple[str, Mapping[str, Any]]
Rules = Callable[[str, ListedTool, Sequence[Node]], Iterator[str]]


def problems_of(name: str, tool: ListedTool) -> dict[str, list[str]]:
    """Why each provider would not take a tool that clients see as `name`; providers without objections are absent."""
    nodes = list(_nodes(tool.input_schema))
    found = {provider: list(dict.fromkeys(rules(name, tool, nodes))) for provider, rules in _RULES.items()}
    return {provider: reasons for provider, reasons in found.items() if reasons}


def is_offered(tool: ListedTool) -> bool:
    """Whether the gateway offers it: clients reject a whole list for one input schema that is not of type object."""
    return not tool.input_schema or tool.input_schema.get("type") == "object"


def _openai(_: str, tool: ListedTool, nodes: Sequence[Node]) -> Iterator[str]:
    # OpenAI, the error "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top".
    yield from _top_level(tool.input_schema, (*_TOP_LEVEL_CHOICES, "enum", "not"))
    # OpenAI, the errors "object schema missing properties" (of the parameters) and "array schema missing items".
    if tool.input_schema.get("type") == "object" and "properties" not in tool.input_schema:
        yield "its parameters have no properties"
    yield from _arrays_without_items(nodes)
    if len(tool.description) > _OPENAI_DESCRIPTION:
        yield f"its description is longer than {_OPENAI_DESCRIPTION} characters"


def _anthropic(_: str, tool: ListedTool, nodes: Sequence[Node]) -> Iterator[str]:
    # Anthropic, the error "input_schema does not support oneOf, allOf, or anyOf at the top level".
    yield from _top_level(tool.input_schema, _TOP_LEVEL_CHOICES)
    # Anthropic, the errors "Property keys should match pattern" and "JSON schema is invalid" (draft 2020-12).
    for key in _properties(tool.input_schema):
        if _ANTHROPIC_KEY.fullmatch(key) is None:
            yield f"the parameter name {key[:40]!a} has other characters than A-Z a-z 0-9 _ . -, or is too long"
    trouble = f"it has more than {MAX_NODES} parts" if len(nodes) == MAX_NODES else malformed(tool.input_schema)
    if trouble is not None:
        yield f"its schema is not valid: {trouble}"


def _gemini(name: str, _: ListedTool, nodes: Sequence[Node]) -> Iterator[str]:
    # Gemini API, FunctionDeclaration.name: must start with a letter or an underscore.
    if name[:1].isdigit():
        yield "its name begins with a digit"
    # Gemini API, Schema (the subset of OpenAPI 3.0 that FunctionDeclaration.parameters is). `additionalProperties` and
    # `$schema` are not in it either, but nearly every server sends them, and every client for Gemini drops them.
    for place, node in nodes:
        for keyword in sorted(_NOT_IN_GEMINI & node.keys()):
            yield f"{keyword}{place} is not in its schema language"
        if isinstance(node.get("type"), list):
            yield f"a list of types{place} is not in its schema language"
        yield from _gemini_values(place, node)
    yield from _arrays_without_items(nodes)


def _gemini_values(place: str, node: Mapping[str, Any]) -> Iterator[str]:
    # Gemini API, the errors "enum: only allowed for STRING type", "property is not defined" (required), and
    # "only 'enum' and 'date-time' are supported for STRING type" (format).
    if "enum" in node and node.get("type") != "string":
        yield f"an enum{place} is not of type string"
    if node.get("type") == "string" and node.get("format") not in (None, "enum", "date-time"):
        said = node["format"] if isinstance(node["format"], str) else "?"
        yield f"the format {said[:30]!a}{place} is not one it knows"
    properties = node.get("properties")
    required = node.get("required")
    if isinstance(required, list):
        known = properties if isinstance(properties, Mapping) else {}
        for key in required:
            if not isinstance(key, str):
                yield f"a required name{place} is not a text"
            elif key not in known:
                yield f"{key[:40]!a}{place} is required but not defined"


def _xai(_: str, tool: ListedTool, _parts: Sequence[Node]) -> Iterator[str]:
    # xAI, "Function calling": parameters is a JSON Schema object.
    yield from _top_level(tool.input_schema, ())


_RULES: Mapping[str, Rules] = {"OpenAI": _openai, "Anthropic": _anthropic, "Gemini": _gemini, "xAI": _xai}
_NOT_IN_GEMINI = frozenset(
    {"$ref", "$defs", "definitions", "oneOf", "allOf", "not", "const", "patternProperties", "if", "prefixItems"}
)


def _top_level(schema: Mapping[str, Any], forbidden: Sequence[str]) -> Iterator[str]:
    if schema and schema.get("type") != "object":
        yield 'its parameters are not of type "object"'
    for keyword in forbidden:
        if keyword in schema:
            yield f"{keyword} at the top level"


def _arrays_without_items(nodes: Sequence[Node]) -> Iterator[str]:
    for place, node in nodes:
        if node.get("type") == "array" and "items" not in node:
            yield f"a list{place} does not say what is in it"


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _nodes(schema: Mapping[str, Any]) -> Iterator[Node]:
    """The schema and its parts, each with the place where it stands, in words; so many of them and no more."""
    waiting: list[Node] = [("", schema)]
    for _ in range(MAX_NODES):
        if not waiting:
            return
        place, node = waiting.pop()
        yield place, node
        waiting += [
            (f" in {name[:40]!a}", part) for name, part in _properties(node).items() if isinstance(part, Mapping)
        ]
        for keyword in ("items", "additionalProperties", *_TOP_LEVEL_CHOICES):
            part = node.get(keyword)
            parts = part if isinstance(part, list) else [part]
            waiting += [(place, inner) for inner in parts if isinstance(inner, Mapping)]
