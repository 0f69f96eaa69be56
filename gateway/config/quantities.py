"""Amounts as systemd spells them: "512M", "50%", "infinity"; and plain numbers. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

INFINITY: Final = "infinity"
_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)
_PERCENT = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)\s*%", re.ASCII)
_SPAN_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_SPAN_PIECE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|sec|s|min|m|h|d)", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is allowed: an absolute number, a share of what the machine has (1.0 = all), or both None: no bound."""

    absolute: int | None = None
    share: float | None = None


def size(text: str) -> Amount | None:
    """Read bytes ("512M", "1.5G"), a share ("50%") or "infinity"; None when it is none of them."""
    text = text.strip()
    if text.lower() == INFINITY:
        return Amount()
    if (percent := _PERCENT.fullmatch(text)) is not None:
        share = float(percent[1]) / 100
        return Amount(share=share) if 0 < share <= 1 else None
    found = _SIZE.fullmatch(text)
    amount = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    return Amount(amount) if amount > 0 else None


def count(text: str) -> Amount | None:
    """Read a whole number above zero, or "infinity"; None when it is neither."""
    text = text.strip()
    if text.lower() == INFINITY:
        return Amount()
    return Amount(int(text)) if _COUNT.fullmatch(text) and int(text) > 0 else None


def cpus(text: str) -> Amount | None:
    """Read a share of processors ("50%" is half of one, "200%" two) or "infinity"; None when it is neither."""
    text = text.strip()
    if text.lower() == INFINITY:
        return Amount()
    percent = _PERCENT.fullmatch(text)
    share = float(percent[1]) / 100 if percent else 0.0
    return Amount(share=share) if share > 0 else None


def seconds(text: str) -> float | None:
    """Read a time span ("5s", "1min 30s", "500ms", "1d") as seconds; None when it is none."""
    pieces = _SPAN_PIECE.findall(text)
    if not pieces or "".join(text.split()) != "".join(number + unit for number, unit in pieces):
        return None
    return sum(float(number) * _SPAN_UNITS_S[unit] for number, unit in pieces)


def size_problem(text: str) -> str:
    """Say what is wrong with a size."""
    return "" if size(text) else 'must be bytes such as "512M" or "2G", a share such as "50%", or "infinity"'


def file_size_problem(text: str) -> str:
    """Say what is wrong with a size that cannot be a share."""
    amount = size(text)
    return "" if amount and amount.share is None else 'must be bytes such as "512M" or "2G", or "infinity"'


def count_problem(text: str) -> str:
    """Say what is wrong with a count."""
    return "" if count(text) else 'must be a whole number above zero, or "infinity"'


def cpus_problem(text: str) -> str:
    """Say what is wrong with a share of processors."""
    return "" if cpus(text) else 'must be a share of one processor such as "50%" or "200%", or "infinity"'
