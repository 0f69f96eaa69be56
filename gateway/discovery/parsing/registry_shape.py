"""What the answers of the official registry (`/v0.1`) should look like, to notice when they change. No I/O."""

from __future__ import annotations

from gateway.discovery.parsing.shapes import Shape, anything, flag, named, obj, rows, text, whole

_INPUT = {
    "description": text(optional=True),
    "isRequired": flag(optional=True),
    "isSecret": flag(optional=True),
    "format": text(optional=True),
    "value": anything(optional=True),
    "default": anything(optional=True),
    "placeholder": text(optional=True),
    "choices": rows(optional=True, nullable=True),
}
_VARIABLES = named(Shape(_INPUT), optional=True, nullable=True)
_KEY_VALUE = Shape({"name": text(), "variables": _VARIABLES, **_INPUT})
_ARGUMENT = Shape(
    {"type": text(), "isRepeated": flag(optional=True), "variables": _VARIABLES, **_INPUT},
    by="type",
    variants={"positional": {"valueHint": text(optional=True)}, "named": {"name": text()}},
)
_HEADERS = rows(_KEY_VALUE, optional=True, nullable=True)
_TRANSPORT = Shape(
    {"type": text()},
    by="type",
    variants={
        "stdio": {},
        "streamable-http": {"url": text(), "headers": _HEADERS, "variables": _VARIABLES},
        "sse": {"url": text(), "headers": _HEADERS, "variables": _VARIABLES},
    },
)
_PACKAGE = Shape(
    {
        "registryType": text(),
        "registryBaseUrl": text(optional=True),
        "identifier": text(),
        "version": text(optional=True),
        "fileSha256": text(optional=True),
        "runtimeHint": text(optional=True),
        "transport": obj(_TRANSPORT),
        "runtimeArguments": rows(_ARGUMENT, optional=True, nullable=True),
        "packageArguments": rows(_ARGUMENT, optional=True, nullable=True),
        "environmentVariables": rows(_KEY_VALUE, optional=True, nullable=True),
    }
)
_REPOSITORY = Shape(
    {
        "url": text(),
        "source": text(optional=True),
        "id": text(optional=True),
        "subfolder": text(optional=True),
    }
)
_ICON = Shape(
    {
        "src": text(),
        "mimeType": text(optional=True),
        "sizes": rows(optional=True, nullable=True),
        "theme": text(optional=True),
    }
)
_SERVER = Shape(
    {
        "$schema": text(optional=True),
        "name": text(),
        "title": text(optional=True),
        "description": text(),
        "version": text(),
        "repository": obj(_REPOSITORY, optional=True, nullable=True),
        "websiteUrl": text(optional=True),
        "icons": rows(_ICON, optional=True, nullable=True),
        "packages": rows(_PACKAGE, optional=True, nullable=True),
        "remotes": rows(_TRANSPORT, optional=True, nullable=True),
        "_meta": obj(optional=True, nullable=True),  # the publisher's own: anything may stand there
    }
)
_OFFICIAL = Shape(
    {
        "status": text(),
        "statusMessage": text(optional=True),
        "statusChangedAt": text(optional=True),
        "publishedAt": text(),
        "updatedAt": text(optional=True),
        "isLatest": flag(),
    }
)
# Others than the official registry may put their own beside its block, so other keys of `_meta` are no news.
_META = Shape({"io.modelcontextprotocol.registry/official": obj(_OFFICIAL)})

RECORD = Shape({"server": obj(_SERVER), "_meta": obj(_META)})
"""One server: the answer of `GET /v0.1/servers/{name}/versions/{version}`."""

LIST = Shape(
    {
        "servers": rows(RECORD),
        "metadata": obj(Shape({"count": whole(optional=True), "nextCursor": text(optional=True, nullable=True)})),
    }
)
"""Many: the answers of `GET /v0.1/servers` and `GET /v0.1/servers/{name}/versions`."""
