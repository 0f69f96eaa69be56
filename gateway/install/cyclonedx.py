"""The record of an installed server as a CycloneDX 1.5 bill of materials. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from gateway.install.packages.locks import Component
from gateway.install.record import ContentRecord

Json = dict[str, Any]
_ALGORITHMS = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}


def bill_of_materials(name: str, version: str | None, reference: str, record: ContentRecord) -> Json:
    """Spell a record in CycloneDX's words; `reference` is where the server came from."""
    packages = [_library(package) for package in record.packages]
    files = [
        {"type": "file", "name": file.path, "hashes": [{"alg": "SHA-256", "content": file.sha256}]}
        for file in record.files
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": name,
                **({"version": version} if version else {}),
                "properties": [{"name": "mcp-gateway:from", "value": reference}],
            }
        },
        "components": [*packages, *files],
    }


def _library(package: Component) -> Json:
    purl = f"pkg:{package.kind}/{quote(package.name, safe='/')}@{quote(package.version, safe='')}"
    return {
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": purl,
        "hashes": _hashes(package.integrity),
    }


def _hashes(integrity: Iterable[str]) -> list[Json]:
    found = []
    for entry in integrity:
        name, _, value = entry.partition("-" if "-" in entry else ":")
        algorithm = _ALGORITHMS.get(name)
        content = value if ":" in entry else _hex(value)
        if algorithm is not None and content:
            found.append({"alg": algorithm, "content": content})
    return found


def _hex(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex()
    except (ValueError, binascii.Error):
        return ""
