"""The shapes of the official registry's answers, against answers that are right and wrong."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.discovery.parsing.registry_shape import LIST, RECORD
from gateway.discovery.parsing.shapes import drift_of
from tests.standins import registry


def answer(**metadata: Any) -> dict[str, Any]:
    """A page with all servers of the stand-in."""
    entries = [registry.entry(server) for server in registry.servers("https://registry.example")]
    return {"servers": entries, "metadata": {"count": len(entries), **metadata}}


@pytest.mark.parametrize("cursor", [{}, {"nextCursor": None}, {"nextCursor": "a:1"}])
def test_right_answers_show_no_drift(cursor: dict[str, Any]) -> None:
    assert drift_of(answer(**cursor), LIST) == ()
    assert all(drift_of(entry, RECORD) == () for entry in answer()["servers"])


def test_a_full_record_with_everything_that_the_format_knows_shows_no_drift() -> None:
    value: dict[str, Any] = {"description": "d", "isRequired": True, "isSecret": True, "format": "string",
                             "default": "x", "placeholder": "p", "choices": ["x"]}  # fmt: skip
    server = {
        "name": "a.b/c", "title": "C", "description": "d", "version": "1.0.0", "websiteUrl": "https://a.example",
        "repository": {"url": "https://github.com/a/b", "source": "github", "id": "1", "subfolder": "s"},
        "icons": [{"src": "https://a.example/i.png", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark"}],
        "packages": [{
            "registryType": "npm", "registryBaseUrl": "https://registry.npmjs.org", "identifier": "c",
            "version": "1.0.0", "fileSha256": "ab", "runtimeHint": "npx",
            "transport": {"type": "streamable-http", "url": "http://localhost/", "headers": []},
            "runtimeArguments": [{"type": "named", "name": "--x", "value": "y", "isRepeated": False}],
            "packageArguments": [{"type": "positional", "valueHint": "v", "variables": {"a": value}, **value}],
            "environmentVariables": [{"name": "A", "value": "{v}", "variables": {"v": value}}],
        }],
        "remotes": [{"type": "sse", "url": "https://{t}.a.example/", "variables": {"t": value},
                     "headers": [{"name": "X", "value": "{v}", "variables": {"v": value}}]}],
        "_meta": {"io.modelcontextprotocol.registry/publisher-provided": {"anything": [1]}},
    }  # fmt: skip
    assert drift_of(registry.entry(server), RECORD) == ()


def test_what_is_new_missing_or_of_another_type_is_noticed() -> None:
    changed = answer()
    server, official = changed["servers"][0]["server"], next(iter(changed["servers"][0]["_meta"].values()))
    server["packages"][0]["signature"] = "new"
    server["title"] = 5
    del official["isLatest"]
    found = {(one.field.rsplit(".", 1)[-1], one.kind) for one in drift_of(changed, LIST)}
    assert found == {("signature", "unknown"), ("title", "type"), ("isLatest", "missing")}
