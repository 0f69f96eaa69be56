"""The official registry's JSON under its older names: `registry_type` is read as `registryType`. No I/O."""

from __future__ import annotations

from gateway.discovery.parsing.fields import Fields

# What the format called its fields before 2025-09; names that people choose (variables, headers) are never touched.
_OLDER = {
    "registry_type": "registryType",
    "registry_name": "registryType",
    "registry_base_url": "registryBaseUrl",
    "file_sha256": "fileSha256",
    "runtime_hint": "runtimeHint",
    "runtime_arguments": "runtimeArguments",
    "package_arguments": "packageArguments",
    "environment_variables": "environmentVariables",
    "is_required": "isRequired",
    "is_secret": "isSecret",
    "is_repeated": "isRepeated",
    "value_hint": "valueHint",
    "website_url": "websiteUrl",
    "transport_type": "type",
    "next_cursor": "nextCursor",
    "status_message": "statusMessage",
    "status_changed_at": "statusChangedAt",
    "published_at": "publishedAt",
    "updated_at": "updatedAt",
    "is_latest": "isLatest",
}
_OLD_NAMES = frozenset(_OLDER)


class RegistryFields(Fields):
    """One JSON object of the official registry; where both spellings are there, today's counts."""

    __slots__ = ()

    def __init__(self, raw: object) -> None:
        if isinstance(raw, dict) and not _OLD_NAMES.isdisjoint(raw):
            raw = {_OLDER[name]: value for name, value in raw.items() if name in _OLD_NAMES} | raw
        super().__init__(raw)
