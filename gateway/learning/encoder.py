"""The optional encoder: texts into unit vectors, cached by text. Loads sentence-transformers only when a model is
named."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gateway.errors import UsageError

Vectors = NDArray[np.float32]
CACHE_ENTRIES = 50_000


class CachedEncoder:
    """Wraps a function of texts; every distinct text is encoded once while it stays among the newest entries."""

    def __init__(self, encode: Callable[[list[str]], Any]) -> None:
        self._encode = encode
        self._cache: OrderedDict[bytes, Vectors] = OrderedDict()

    def __call__(self, texts: list[str]) -> Vectors:
        """Return one unit vector per text."""
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._cache}
        if missing:
            made = np.asarray(self._encode(list(missing.values())), np.float32)
            if made.ndim != 2 or len(made) != len(missing) or not np.isfinite(made).all():
                raise UsageError("the encoder did not return one finite vector per text", fix="Check `encoder`.")
            norms = np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)
            self._cache.update(zip(missing, made / norms, strict=True))
        answer = np.stack([self._cache[key] for key in keys])
        while len(self._cache) > CACHE_ENTRIES:
            self._cache.popitem(last=False)
        return answer


def make_encoder(encoder: str | Callable[[list[str]], Any] | None) -> CachedEncoder | None:
    """Return the encoder that was asked for: none, a function, or a sentence-transformers model by name or folder.

    Raises: UsageError when a model is named and sentence-transformers is not installed.
    """
    if not encoder:
        return None
    if callable(encoder):
        return CachedEncoder(encoder)
    try:
        from sentence_transformers import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - optional, slow
            SentenceTransformer,
        )
    except ImportError as error:
        raise UsageError(
            f"the encoder {encoder!r} needs sentence-transformers",
            fix="pip install sentence-transformers, or leave `encoder` empty.",
        ) from error
    model = SentenceTransformer(encoder)
    return CachedEncoder(lambda texts: cast("Any", model.encode(texts, batch_size=64, show_progress_bar=False)))
