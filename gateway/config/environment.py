"""The environment beats the file: keys and addresses of the registries. No I/O: readers are passed in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from gateway.config.checks import http_url, registry_headers
from gateway.config.credentials import CredentialReader, FileReader
from gateway.config.sections import Config
from gateway.config.smithery_key import find_key
from gateway.errors import ConfigError, Problem

HEADERS = "SMITHERY_CUSTOM_HEADERS"
URLS = ("SMITHERY_BASE_URL", "SMITHERY_CONNECT_BASE_URL", "MCP_REGISTRY_BASE_URL")


def apply_environment(
    config: Config,
    env: Mapping[str, str],
    read_credential: CredentialReader,
    read_file: FileReader | None = None,
    *,
    platform: str = sys.platform,
) -> Config:
    """Return `config` as the environment changes it.

    The Smithery key is the first of: SMITHERY_API_KEY, the systemd credential `smithery-api-key`,
    `smithery.api_key`, the text of `smithery.api_key_file` (read by `read_file`), and the `apiKey` that Smithery's own
    command line keeps in its settings.

    Raises: ConfigError for a URL, a header or a key file that cannot be used.
    """
    urls = {name: env.get(name, "").strip() for name in URLS}
    problems = [Problem(f"${name}", message) for name, url in urls.items() if (message := http_url(url))]
    headers = _headers(env, problems)
    if problems:
        raise ConfigError(problems, file="the environment")
    smithery = config.smithery
    key = find_key(smithery, env, read_credential, read_file, platform)
    return replace(
        config,
        smithery=replace(
            smithery,
            api_key=key.value,
            key_from=key.origin,
            key_trouble=key.trouble,
            headers={**smithery.headers, **headers},
            base_url=urls["SMITHERY_BASE_URL"] or smithery.base_url,
            connect_url=urls["SMITHERY_CONNECT_BASE_URL"] or smithery.connect_url,
        ),
        registry=replace(config.registry, base_url=urls["MCP_REGISTRY_BASE_URL"] or config.registry.base_url),
    )


def _headers(env: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Read `Name: value` lines, as the registry's own clients do; what is wrong is told without its value."""
    headers: dict[str, str] = {}
    for number, line in enumerate(env.get(HEADERS, "").split("\n"), 1):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        message = registry_headers({name.strip(): value.strip()}) if colon else "is not of the form Name: value"
        if message:
            problems.append(Problem(f"${HEADERS}", f"line {number}: {message}"))
        headers[name.strip()] = value.strip()
    return headers
