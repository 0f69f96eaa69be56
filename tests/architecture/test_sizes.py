"""Sizes as a ratchet: true today, better tomorrow. The exception lists may only shrink."""

from __future__ import annotations

import statistics

from tests.architecture.source import PACKAGE, ROOT, functions, trees

MAX_FILE = 400
MAX_FUNCTION = 50
MEDIAN_FUNCTION = 12


def test_no_file_is_longer_than_the_house_allows() -> None:
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    assert len(files) > 100
    long = {
        str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text(encoding="utf-8").splitlines())) > MAX_FILE
    }
    assert long == {}


def test_no_function_is_longer_than_the_house_allows() -> None:
    long = {
        f"{path}:{function.name}": size
        for path, tree in trees().items()
        for function in functions(tree)
        if (size := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION
    }
    assert long == {}


def test_the_median_function_stays_small() -> None:
    sizes = [(f.end_lineno or 0) - f.lineno + 1 for tree in trees().values() for f in functions(tree)]
    assert statistics.median(sizes) <= MEDIAN_FUNCTION
