"""Names of container images, read strictly: registry, repository, and an exact tag or a digest. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = rf"(?=[^/]*[.:])(?:{_LABEL}(?:\.{_LABEL})*)(?::[0-9]{{1,5}})?|localhost(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<host>{_HOST})/(?P<path>{_PART}(?:/{_PART}){{0,9}})"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@sha256:(?P<digest>[0-9a-f]{64}))?",
    re.ASCII,
)
_MOVING = {"latest"}  # the one tag that by its very meaning is another image tomorrow


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image: `repository` with its registry in front; a tag, a digest (64 hex digits), or both."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def host(self) -> str:
        """The registry, with its port."""
        return self.repository.split("/", 1)[0]

    @property
    def to_pull(self) -> str:
        """What is asked for: the digest when there is one, since a tag beside it says nothing more."""
        return f"{self.repository}@sha256:{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    def pinned(self, digest: str) -> str:
        """What is run: exactly this content."""
        return f"{self.repository}@sha256:{digest}"


def read_image_name(text: str) -> ImageName | str:
    """Read a name such as `ghcr.io/acme/x:1.2.3` or `ghcr.io/acme/x@sha256:…`; a text says what is wrong with it."""
    match = _IMAGE.fullmatch(text)
    if match is None:
        return (
            "write REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST with the registry in front, "
            "as in docker.io/acme/x:1.2.3"
        )
    if match["tag"] is None and match["digest"] is None:
        return "it names no version: add the exact tag (:1.2.3) or the digest (@sha256:…)"
    if match["tag"] in _MOVING and match["digest"] is None:
        return f"the tag {match['tag']!r} is another image tomorrow: name an exact tag (:1.2.3) or a digest"
    return ImageName(f"{match['host']}/{match['path']}", match["tag"], match["digest"])


def digest_among(repo_digests: object, repository: str) -> str | None:
    """Find the digest under which the engine knows the image of this repository, in its `RepoDigests`.

    The engine shortens names of Docker Hub (`docker.io/library/x` is `x` there).
    """
    spellings = {repository, repository.removeprefix("docker.io/"), repository.removeprefix("docker.io/library/")}
    for entry in repo_digests if isinstance(repo_digests, list) else []:
        name, _, digest = str(entry).partition("@sha256:")
        if name in spellings and re.fullmatch(r"[0-9a-f]{64}", digest, re.ASCII):
            return digest
    return None
