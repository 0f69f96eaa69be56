"""The optional encoder."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.errors import UsageError
from gateway.learning.encoder import make_encoder


def test_no_encoder_is_none() -> None:
    assert make_encoder(None) is make_encoder("") is None


def test_each_text_is_encoded_once_and_has_unit_length() -> None:
    asked: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return np.array([[len(text), 1.0] for text in texts])

    cached = make_encoder(encode)
    assert cached is not None
    first, again = cached(["a", "bb", "a"]), cached(["bb"])
    assert asked == ["a", "bb"]
    assert np.allclose(np.linalg.norm(first, axis=1), 1.0)
    assert np.array_equal(first[1], again[0])


@pytest.mark.parametrize("answer", [np.zeros(3), np.zeros((2, 3)), np.full((1, 3), np.nan)])
def test_a_broken_encoder_is_refused(answer: np.ndarray) -> None:
    cached = make_encoder(lambda _texts: answer)
    assert cached is not None
    with pytest.raises(UsageError, match="one finite vector"):
        cached(["x"])
