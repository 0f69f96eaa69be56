"""The frame of the page."""

from __future__ import annotations

import re

from gateway.admin.web.layout import SCRIPT, STYLE, content_security_policy, login_document


def test_the_login_form_posts_a_password_field_to_its_own_address() -> None:
    page = login_document(nonce="n")

    assert '<form method="post" action="/ui/login">' in page
    assert 'type="password"' in page
    assert 'role="alert"' not in page


def test_a_failed_login_says_why_and_ties_it_to_the_field() -> None:
    page = login_document(nonce="n", message="<wrong>")

    assert '<p class="trouble" role="alert" id="problem">&lt;wrong&gt;</p>' in page
    assert 'aria-describedby="problem"' in page


def test_the_policy_names_the_nonce_and_nothing_from_elsewhere() -> None:
    policy = content_security_policy("abc")

    assert policy.count("'nonce-abc'") == 2
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


def test_style_and_script_load_nothing_and_know_the_dark() -> None:
    assert re.findall(r"url\(|@import|https?://", STYLE + SCRIPT) == []
    assert "prefers-color-scheme: dark" in STYLE
    assert ":focus-visible" in STYLE


def contrast(first: str, second: str) -> float:
    """The WCAG contrast of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read_in_light_and_in_dark() -> None:
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in STYLE.split("prefers-color-scheme: dark")[:2]
    )
    pairs = [
        ("ink", "back"),
        ("ink", "card"),
        ("quiet", "card"),
        ("accent", "card"),
        ("card", "accent"),
        ("bad", "card"),
    ]
    pairs += [(tone, f"{tone}-back") for tone in ("good", "warn", "bad", "busy", "calm")]

    poor = [(a, b) for theme in (light, dark) for a, b in pairs if contrast(theme[a], theme[b]) < 4.5]
    assert poor == []
