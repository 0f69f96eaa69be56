"""The grammar of references: what is read, and every trap that is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UsageError
from gateway.install.planning.references import Reference, RefKind, parse_reference, suggest_name
from gateway.model import SERVER_NAME_PATTERN

HASH = "ab" * 32


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("npm:pkg", Reference(RefKind.NPM, "pkg")),
        ("npm:pkg@1.2.3", Reference(RefKind.NPM, "pkg", "1.2.3")),
        ("npm:@scope/pkg@1.2.3-rc.1", Reference(RefKind.NPM, "@scope/pkg", "1.2.3-rc.1")),
        ("pypi:pkg", Reference(RefKind.PYPI, "pkg")),
        ("pypi:My_Pkg==1.2.post1", Reference(RefKind.PYPI, "My_Pkg", "1.2.post1")),
        ("pypi:pkg[b,a]==1.0", Reference(RefKind.PYPI, "pkg", "1.0", extras=("a", "b"))),
        ("smithery:acme/echo", Reference(RefKind.SMITHERY, "acme/echo")),
        ("smithery:@acme/echo", Reference(RefKind.SMITHERY, "acme/echo")),
        ("smithery:solo", Reference(RefKind.SMITHERY, "solo")),
        ("registry:io.github.a/b", Reference(RefKind.REGISTRY, "io.github.a/b")),
        ("registry:io.github.a/b@1.0.0", Reference(RefKind.REGISTRY, "io.github.a/b", "1.0.0")),
        ("starter:time", Reference(RefKind.STARTER, "time")),
        ("acme/echo", Reference(RefKind.LISTING, "acme/echo")),
        ("@acme/echo", Reference(RefKind.LISTING, "acme/echo")),
        ("time", Reference(RefKind.LISTING, "time")),
        (f"mcpb:/tmp/a b.mcpb#sha256={HASH.upper()}", Reference(RefKind.MCPB, "/tmp/a b.mcpb", sha256=HASH)),
        ("mcpb:https://x.example/b.mcpb", Reference(RefKind.MCPB, "https://x.example/b.mcpb")),
        ("mcpb:/home/jürgen/b.mcpb", Reference(RefKind.MCPB, "/home/jürgen/b.mcpb")),
    ],
)
def test_a_reference_is_read(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "../../x",
        "@a/b/../../c",
        "a;id",
        "$(id)",
        "`id`",
        "a|b",
        "-e",
        "--help",
        "npm:-e",
        "npm:--registry=http://x",
        "npm:pkg@latest",
        "npm:pkg@^1.0.0",
        "npm:pkg@1.x",
        "npm:pkg@1.2",
        "npm:pkg@npm:other@1.0.0",
        "npm:npm:alias@1.0.0",
        "npm:alias@npm:evil@1.0.0",
        "npm:git+https://example.org/x",
        "npm:file:../x",
        "npm:../x",
        "npm:Pkg",
        "npm:.hidden",
        "npm:@scope",
        "npm:@scope/../x",
        "npm:a/b/c",
        "npm:https://example.org/x.tgz",
        "npm:pkg\n",
        "npm:pkg@1.2.3\n",
        "npm:pkg\0",
        "pypi:pkg==1.*",
        "pypi:pkg>=1",
        "pypi:pkg==1.0+local",
        "pypi:pkg[a;b]",
        "pypi:pkg[../x]",
        "pypi:-r",
        "pypi:pkg @ https://x.example/p.whl",
        "pypi:pkg==1.0 --index-url x",
        "pypi:git+https://example.org/x",
        "git+https://github.com/a/b",
        "git+ssh://x/y",
        "file:///etc/passwd",
        "file:x",
        "https://example.org/x",
        "npm:alias@",
        "oci:ghcr.io/a/b",
        "oci:ghcr.io/a/b:latest",
        "oci:a/b:1",
        "oci:--privileged",
        "oci:ghcr.io/a/b:1;id",
        "oci:ghcr.io/a/../b:1",
        "oci:ghcr.io/" + "a" * 500 + ":1",
        "openapi:https://x.example/o.json",
        "unknown:x",
        "smithery:a/b/c",
        "smithery:a//b",
        "smithery:../b",
        "smithery:a%2F..%2Fb",
        "smithery:a/..",
        "registry:nodomain",
        "registry:a..b/c",
        "registry:a/b/c",
        "starter:Time",
        "starter:../x",
        "mcpb:",
        "mcpb:x#sha256=123",
        f"mcpb:x#md5={HASH}",
        "mcpb:-x",
        "mcpb:ftp://x.example/b.mcpb",
        "mcpb:a\0b",
        "mcpb:a\nb",
        "mcpb:a\u202egpj.mcpb",
        "acme/еcho",  # a Cyrillic letter
        "acme/echo\u202e",
        "acme/e\u200bcho",
        "ａcme/echo",
        "acme /echo",
        "npm:" + "a" * 300,
        "a" * 10_000,
        "mcpb:" + "a" * 10_000,
    ],
)
def test_a_trap_is_refused_as_a_usage_error_with_a_way_out(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reference(text)
    assert caught.value.fix


def test_a_homoglyph_is_named() -> None:
    with pytest.raises(UsageError, match=r"U\+0435 \(CYRILLIC SMALL LETTER IE\)"):
        parse_reference("acme/еcho")


@given(st.text(max_size=60))
def test_any_text_is_either_read_or_refused_and_what_is_read_is_read_again_the_same(text: str) -> None:
    try:
        reference = parse_reference(text)
    except UsageError:
        return
    assert parse_reference(reference.text) == reference


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("@modelcontextprotocol/server-memory", "memory"),
        ("mcp-server-time", "time"),
        ("acme/echo", "echo"),
        ("io.github.acme/weather-mcp", "weather"),
        ("https://x.example/dl/Great_Tool.mcpb?x=1", "great-tool"),
        ("mcp-server", "server"),
        ("acme/mcp-server", "acme"),
        ("acme/gateway", "acme"),
        ("日本", "server"),
        ("a" * 60, "a" * 24),
    ],
)
def test_a_short_name_is_suggested(identifier: str, name: str) -> None:
    assert suggest_name(identifier) == name


@given(st.text(max_size=80))
def test_a_suggested_name_is_always_a_valid_one(identifier: str) -> None:
    assert SERVER_NAME_PATTERN.fullmatch(suggest_name(identifier))


@pytest.mark.parametrize(
    "text", ["oci:ghcr.io/acme/x:1.2.3", f"oci:docker.io/a/x@sha256:{HASH}", f"oci:q.io/x:1@sha256:{HASH}"]
)
def test_an_image_is_spelled_as_it_was_read(text: str) -> None:
    found = parse_reference(text)
    assert (found.kind, found.text) == (RefKind.OCI, text)
