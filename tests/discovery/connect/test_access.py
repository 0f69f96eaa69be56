"""From `[smithery]` to how Connect is asked."""

from __future__ import annotations

from gateway.config.registries import SmitherySection
from gateway.discovery.connect.access import connect_access


def test_the_defaults_lead_to_both_hosts() -> None:
    access = connect_access(SmitherySection())
    assert (access.api_url, access.rest_url) == ("https://api.smithery.ai", "https://smithery.run")
    assert (access.rate, access.burst, access.timeout_s, access.retry_cap_s) == ("5/s", 10, 10.0, 30.0)
    assert access.deadline_s == 40.0


def test_the_fix_tells_a_missing_key_from_a_refused_one() -> None:
    assert connect_access(SmitherySection()).key_fix.startswith("Set SMITHERY_API_KEY")
    assert "refuses the present one" in connect_access(SmitherySection(api_key="k")).key_fix
