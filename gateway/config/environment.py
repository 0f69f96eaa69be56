"""The environment beats the file: keys and addresses of the registries. No I/O: readers are passed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.config.checks import http_url
from gateway.config.credentials import CredentialReader, FileReader
from gateway.config.registries import SmitherySection
from gateway.config.sections import Config
from gateway.errors import ConfigError, Problem

SMITHERY_KEY = "SMITHERY_API_KEY"
SMITHERY_CREDENTIAL = "smithery-api-key"
URLS = ("SMITHERY_BASE_URL", "SMITHERY_CONNECT_BASE_URL", "MCP_REGISTRY_BASE_URL")


def apply_environment(
    config: Config, env: Mapping[str, str], read_credential: CredentialReader, read_file: FileReader | None = None
) -> Config:
    """Return `config` as the environment changes it.

    The Smithery key is the first of: SMITHERY_API_KEY, the systemd credential `smithery-api-key`,
    `smithery.api_key`, the text of `smithery.api_key_file` (read by `read_file`).

    Raises: ConfigError for a URL or key file that cannot be used.
    """
    urls = {name: env.get(name, "").strip() for name in URLS}
    problems = [Problem(f"${name}", message) for name, url in urls.items() if (message := http_url(url))]
    if problems:
        raise ConfigError(problems, file="the environment")
    smithery = config.smithery
    return replace(
        config,
        smithery=replace(
            smithery,
            api_key=_smithery_key(smithery, env, read_credential, read_file),
            base_url=urls["SMITHERY_BASE_URL"] or smithery.base_url,
            connect_url=urls["SMITHERY_CONNECT_BASE_URL"] or smithery.connect_url,
        ),
        registry=replace(config.registry, base_url=urls["MCP_REGISTRY_BASE_URL"] or config.registry.base_url),
    )


def _smithery_key(
    section: SmitherySection, env: Mapping[str, str], read_credential: CredentialReader, read_file: FileReader | None
) -> str:
    found = env.get(SMITHERY_KEY, "").strip() or (read_credential(SMITHERY_CREDENTIAL) or "").strip() or section.api_key
    if found or not section.api_key_file:
        return _header_safe(found)
    if read_file is None:
        raise ConfigError([Problem("smithery.api_key_file", "cannot be read here; set SMITHERY_API_KEY instead")])
    try:
        return _header_safe(read_file(section.api_key_file).strip())
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is not UTF-8 text"
        problem = Problem("smithery.api_key_file", f"cannot read {section.api_key_file}: {reason}")
        raise ConfigError([problem]) from exc


def _header_safe(key: str) -> str:
    # The key itself must not appear in the message.
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError([Problem("smithery.api_key", "must be one word of printable ASCII characters")])
    return key
