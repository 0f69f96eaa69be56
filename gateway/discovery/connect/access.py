"""How Connect may be asked, read from `[smithery]`. No I/O."""

from __future__ import annotations

from gateway.config.registries import SmitherySection
from gateway.discovery.connect.client import ConnectAccess
from gateway.discovery.connect.names import rest_base

_KEY_MISSING = "Set SMITHERY_API_KEY (or `api_key_file` in [smithery]) to the key of your Smithery account."
_KEY_REFUSED = "Correct SMITHERY_API_KEY (or the key in [smithery]): Smithery refuses the present one."


def connect_access(section: SmitherySection) -> ConnectAccess:
    """Read where Connect is, with which key and how quickly it may be asked."""
    return ConnectAccess(
        api_url=section.base_url.rstrip("/"),
        rest_url=rest_base(section.connect_url, section.base_url),
        api_key=section.api_key,
        rate=section.rate,
        burst=section.burst,
        timeout_s=section.timeout_s,
        retry_cap_s=section.retry_cap_s,
        key_fix=_KEY_REFUSED if section.api_key else _KEY_MISSING,
    )
