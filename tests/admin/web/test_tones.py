"""How a word feels."""

from __future__ import annotations

import pytest

from gateway.admin.web import tones


@pytest.mark.parametrize(
    ("word", "expected"),
    [("ready", "good"), ("starting", "busy"), ("failed", "bad"), ("degraded", "warn"), (None, "calm")],
)
def test_a_state_has_a_tone(word: object, expected: str) -> None:
    assert tones.tone(word) == expected


def test_the_word_is_shown_beside_its_colour() -> None:
    assert tones.badge("oom") == '<span class="badge bad">oom</span>'
    assert tones.badge(None) == '<span class="badge calm">–</span>'
