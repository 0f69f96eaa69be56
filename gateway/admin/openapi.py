"""OpenAPI 3.1 of the API, made from the table of routes. No I/O."""

from __future__ import annotations

from typing import Any

from gateway.admin.routes import PREFIX, ROUTES, Kind, Param, Route

Json = dict[str, Any]

_SCHEMAS: dict[Kind, Json] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "strings": {"type": "array", "items": {"type": "string"}},
}
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fix"],
            "properties": {
                "code": {"type": "string", "description": "stable, for programs"},
                "message": {"type": "string", "description": "what happened"},
                "fix": {"type": "string", "description": "what to do"},
                "details": {"type": "object"},
            },
        }
    },
}


def openapi(version: str) -> Json:
    """Describe every route."""
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mcp-gateway administration", "version": version},
        "security": [{"admin": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _ERROR},
            "responses": {
                "Error": {
                    "description": "What happened and what to do.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
        },
    }


def _operation(route: Route) -> Json:
    content: Json = {"application/json": {"schema": {"type": "object"}}}
    if route.streams:
        content["application/x-ndjson"] = {
            "schema": {
                "type": "string",
                "description": 'Lines of JSON: {"progress": …} or {"line": …}, at the end {"result": …} or '
                '{"error": …}; empty lines keep the connection alive.',
            }
        }
    operation: Json = {
        "operationId": route.verb,
        "summary": route.about,
        "parameters": [_parameter(param) for param in route.params if param.place != "body"],
        "responses": {
            "200": {"description": "Done.", "content": content},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    body = _body([param for param in route.params if param.place == "body"])
    if body:
        operation["requestBody"] = body
    return operation


def _parameter(param: Param) -> Json:
    made: Json = {"name": param.name, "in": param.place, "required": param.required, "schema": _SCHEMAS[param.kind]}
    if param.kind == "strings":
        made |= {"style": "form", "explode": False}
    if param.about:
        made["description"] = param.about
    return made


def _body(params: list[Param]) -> Json:
    if not params:
        return {}
    properties = {p.name: _SCHEMAS[p.kind] | ({"description": p.about} if p.about else {}) for p in params}
    required = [p.name for p in params if p.required]
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}
