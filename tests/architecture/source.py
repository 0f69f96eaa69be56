"""Reads the package's source as syntax trees; shared by the architecture tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gateway"


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the package by its path below `gateway/`."""
    found = {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")
    }
    assert len(found) > 50, "the package was not found"
    return found


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module name that is imported anywhere in a tree, imports inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def importers_of(package: str) -> set[str]:
    """The modules that import `package` or something below it."""
    return {
        path
        for path, tree in trees().items()
        if any(name == package or name.startswith(package + ".") for name in imports(tree))
    }


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a tree, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
