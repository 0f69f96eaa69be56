"""Every module with logic of its own has a test file of the same name in the mirrored folder."""

from __future__ import annotations

from tests.architecture.source import ROOT, functions, trees

# Declarations only, or driven whole by the named suite. This list may only shrink.
WITHOUT_A_TWIN: dict[str, str] = {}


def test_each_module_with_logic_has_its_test_file() -> None:
    missing = []
    for path, tree in sorted(trees().items()):
        logic = [f for f in functions(tree) if len(f.body) > 2]
        name = path.rsplit("/", 1)[-1]
        if name in {"__init__.py", "__main__.py", "ports.py"} or not logic or path in WITHOUT_A_TWIN:
            continue
        twin = ROOT / "tests" / path.replace(name, f"test_{name}")
        if not twin.exists():
            missing.append(path)
    assert missing == []


def test_every_exception_of_the_mirror_still_exists() -> None:
    assert set(WITHOUT_A_TWIN) <= set(trees())
