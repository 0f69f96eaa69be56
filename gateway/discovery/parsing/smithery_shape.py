"""The shapes of Smithery's answers as its official client states them: what may be null, what absent. No I/O."""

from __future__ import annotations

from gateway.discovery.parsing.shapes import Shape, anything, flag, number, obj, rows, text, whole

PAGINATION = Shape({"currentPage": whole(), "pageSize": whole(), "totalPages": whole(), "totalCount": whole()})

ITEM = Shape({
    "id": text(), "qualifiedName": text(), "namespace": text(nullable=True), "slug": text(nullable=True),
    "displayName": text(), "description": text(), "iconUrl": text(nullable=True), "verified": flag(),
    "useCount": whole(), "remote": flag(nullable=True), "isDeployed": flag(), "createdAt": text(),
    "homepage": text(nullable=True), "bySmithery": flag(), "owner": text(nullable=True), "score": number(nullable=True),
})  # fmt: skip

PAGE = Shape({"servers": rows(ITEM), "pagination": obj(PAGINATION)})

CONNECTION = Shape(
    {"type": text(), "configSchema": obj(optional=True)},
    by="type",
    variants={
        "http": {"deploymentUrl": text()},
        "stdio": {"bundleUrl": text(), "runtime": text(optional=True)},
    },
)
TOOL = Shape({
    "name": text(), "description": text(nullable=True), "inputSchema": obj(), "outputSchema": obj(optional=True),
    "title": text(nullable=True, optional=True), "annotations": obj(nullable=True, optional=True),
})  # fmt: skip
RESOURCE = Shape({
    "name": text(), "uri": text(), "description": text(nullable=True, optional=True),
    "mimeType": text(nullable=True, optional=True),
})  # fmt: skip
ARGUMENT = Shape({
    "name": text(), "description": text(nullable=True, optional=True), "required": flag(nullable=True, optional=True),
})  # fmt: skip
PROMPT = Shape({
    "name": text(), "description": text(nullable=True, optional=True),
    "arguments": rows(ARGUMENT, nullable=True, optional=True),
})  # fmt: skip

RECORD = Shape({
    "qualifiedName": text(), "displayName": text(), "description": text(), "iconUrl": text(nullable=True),
    "remote": flag(nullable=True), "deploymentUrl": text(nullable=True), "connections": rows(CONNECTION),
    "security": obj(Shape({"scanPassed": flag(nullable=True)}), nullable=True),
    "tools": rows(TOOL, nullable=True), "resources": rows(RESOURCE, nullable=True),
    "prompts": rows(PROMPT, nullable=True),
})  # fmt: skip

HEALTH = Shape({"status": text(), "timestamp": anything()})


def page_of(fields: tuple[str, ...]) -> Shape:
    """Return the shape of a page whose entries were asked for with just these fields; all of them for none."""
    return Shape({**PAGE.fields, "servers": rows(ITEM.only(fields))}) if fields else PAGE
