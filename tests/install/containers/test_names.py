"""Names of images: what is exact is read, everything else is told what is wrong."""

from __future__ import annotations

import pytest

from gateway.install.containers.names import ImageName, digest_among, read_image_name

DIGEST = "a" * 64


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("ghcr.io/acme/x:1.2.3", "ghcr.io/acme/x", "1.2.3", None),
        ("docker.io/mcp/fetch@sha256:" + DIGEST, "docker.io/mcp/fetch", None, DIGEST),
        ("quay.io/a/b/c:v1_2-rc.1@sha256:" + DIGEST, "quay.io/a/b/c", "v1_2-rc.1", DIGEST),
        ("registry.acme.example:5000/x:1", "registry.acme.example:5000/x", "1", None),
        ("localhost:5000/x:1", "localhost:5000/x", "1", None),
        ("ghcr.io/acme/x:latest@sha256:" + DIGEST, "ghcr.io/acme/x", "latest", DIGEST),
    ],
)
def test_an_exact_name_is_read(text: str, repository: str, tag: str | None, digest: str | None) -> None:
    assert read_image_name(text) == ImageName(repository, tag, digest)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ghcr.io/acme/x", "names no version"),
        ("ghcr.io/acme/x:latest", "another image tomorrow"),
        ("acme/x:1", "registry in front"),
        ("x:1", "registry in front"),
        ("ghcr.io/x:", "registry in front"),
        ("ghcr.io/Acme/x:1", "registry in front"),
        ("ghcr.io/acme//x:1", "registry in front"),
        ("ghcr.io/acme/../x:1", "registry in front"),
        ("-v/x:1", "registry in front"),
        ("--privileged", "registry in front"),
        ("https://ghcr.io/acme/x:1", "registry in front"),
        ("user@ghcr.io/acme/x:1", "registry in front"),
        ("ghcr.io/acme/x:1 --privileged", "registry in front"),
        ("ghcr.io/acme/x:1;id", "registry in front"),
        ("ghcr.io/acme/x:$(id)", "registry in front"),
        ("ghcr.io/acme/x:1\n", "registry in front"),
        ("ghcr.io/acme/x:1\0", "registry in front"),
        ("ghcr.io/acme/x@sha256:abc", "registry in front"),
        ("ghcr.io/acme/x@sha512:" + DIGEST, "registry in front"),
        ("ghcr.io/acme/x@sha256:" + DIGEST.upper(), "registry in front"),
        ("ghcr.io/acme/x:" + "t" * 129, "registry in front"),
        ("ghcr.io/аcme/x:1", "registry in front"),
        ("", "registry in front"),
    ],
)
def test_a_name_that_is_not_exact_is_told_what_is_wrong(text: str, says: str) -> None:
    found = read_image_name(text)
    assert isinstance(found, str)
    assert says in found


def test_what_is_pulled_and_what_is_run() -> None:
    assert ImageName("ghcr.io/a/x", "1").to_pull == "ghcr.io/a/x:1"
    assert ImageName("ghcr.io/a/x", "1", DIGEST).to_pull == f"ghcr.io/a/x@sha256:{DIGEST}"
    assert ImageName("ghcr.io/a/x", "1").pinned(DIGEST) == f"ghcr.io/a/x@sha256:{DIGEST}"


@pytest.mark.parametrize(
    ("repository", "listed"),
    [
        ("ghcr.io/a/x", "ghcr.io/a/x"),
        ("docker.io/a/x", "a/x"),
        ("docker.io/library/x", "x"),
        ("docker.io/a/x", "docker.io/a/x"),
    ],
)
def test_the_digest_is_found_under_the_engines_spelling(repository: str, listed: str) -> None:
    others = [f"ghcr.io/other/x@sha256:{'b' * 64}", f"{listed}@sha256:{DIGEST}"]
    assert digest_among(others, repository) == DIGEST


@pytest.mark.parametrize(
    "listed", [None, "x", [], [5], ["ghcr.io/a/y@sha256:" + DIGEST], ["ghcr.io/a/x@sha256:short"], ["ghcr.io/a/x"]]
)
def test_a_digest_of_something_else_is_not_taken(listed: object) -> None:
    assert digest_among(listed, "ghcr.io/a/x") is None
