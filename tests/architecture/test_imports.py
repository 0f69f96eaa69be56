"""Who may import what: the floors are import-linter's, these are the rules it cannot say."""

from __future__ import annotations

import ast
import tomllib

import pytest

from tests.architecture.source import ROOT, functions, importers_of, imports, trees

SDK_IMPORTERS = {"endpoint/sdk.py"}
TORCH_IMPORTERS = {"learning/network.py", "learning/trainer.py", "learning/learner.py"}
PROCESS_STARTERS = {"supervisor/process.py", "supervisor/keeper.py", "install/runner.py"}
CLOCK_READERS = {"clock.py"}
CHOSEN_PACKAGES = ("mcp", "anyio", "httpx", "tenacity", "aiolimiter", "psutil", "structlog", "torch")
IO_LIBRARIES = (
    "anyio",
    "asyncio",
    "httpx",
    "socket",
    "ssl",
    "subprocess",
    "sqlite3",
    "sqlalchemy",
    "uvicorn",
    "psutil",
)
PURE = (
    "model.py",
    "listing.py",
    "facts.py",
    "errors.py",
    "protocol/",
    "config/",
    "supervisor/lifecycle.py",
    "supervisor/restart.py",
    "supervisor/health/verdict.py",
    "supervisor/reconcile.py",
    "discovery/parsing/",
    "discovery/ranking.py",
    "install/planning/plan.py",
    "install/planning/rules.py",
    "install/planning/references.py",
    "install/bundles/manifest.py",
    "install/planning/compatibility.py",
    "endpoint/naming.py",
    "endpoint/toolset.py",
    "endpoint/routing.py",
    "endpoint/answers.py",
    "endpoint/fidelity.py",
    "endpoint/sessions.py",
    "endpoint/caller.py",
    "learning/snapshot.py",
    "learning/reward.py",
    "learning/evaluate.py",
    "massgen/config.py",
    "daemon/pinning.py",
    "daemon/specs.py",
)

# These spell a database's tables and error codes; they open nothing.
NAMES_ONLY = {"store/schema.py": {"sqlalchemy"}, "store/sqlite_errors.py": {"sqlite3"}}


def _declares_only(function: ast.AsyncFunctionDef) -> bool:
    """Whether a function is a Protocol's member: a docstring, an ellipsis, nothing else."""
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in function.body)


def _pure_modules() -> dict[str, ast.Module]:
    """The modules that must be pure, and all that say of themselves that they do no I/O."""
    found = {
        path: tree
        for path, tree in trees().items()
        if any(path == p or path.startswith(p) for p in PURE) or "No I/O" in (ast.get_docstring(tree) or "")
    }
    missing = [p for p in PURE if not any(path == p or path.startswith(p) for path in found)]
    assert missing == [], "a pure module was renamed: correct the list"
    return found


def test_only_the_adapter_imports_the_sdk() -> None:
    assert importers_of("mcp") | importers_of("mcp_types") <= SDK_IMPORTERS
    assert importers_of("mcp")


def test_only_the_learner_imports_torch() -> None:
    assert importers_of("torch") <= TORCH_IMPORTERS
    assert importers_of("torch")


def test_only_named_modules_start_processes() -> None:
    assert importers_of("subprocess") <= PROCESS_STARTERS
    starters = {
        path
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr
        in {
            "create_subprocess_exec",
            "create_subprocess_shell",
            "open_process",
            "run_process",
            "Popen",
            "fork",
            "posix_spawn",
        }
    }
    assert starters
    assert starters <= PROCESS_STARTERS


def test_only_the_clock_reads_the_clock() -> None:
    readers = {path for path, tree in trees().items() if "time" in set(imports(tree))}
    assert readers == CLOCK_READERS


@pytest.mark.parametrize("path", sorted(_pure_modules()))
def test_a_pure_module_does_no_io(path: str) -> None:
    tree = _pure_modules()[path]
    roots = {name.split(".")[0] for name in imports(tree)}
    forbidden = (roots & set(IO_LIBRARIES)) - NAMES_ONLY.get(path, set())
    assert forbidden == set()
    coroutines = [f.name for f in functions(tree) if isinstance(f, ast.AsyncFunctionDef) and not _declares_only(f)]
    assert coroutines == []


@pytest.mark.parametrize("package", CHOSEN_PACKAGES)
def test_each_chosen_package_is_used(package: str) -> None:
    assert importers_of(package), f"{package} is a dependency that nothing imports"


def test_every_direct_dependency_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    import_names = {"prometheus-client": "prometheus_client"}
    run_by_name = {"uvloop", "httptools"}  # chosen by uvicorn's options, not by an import
    names = {line.split(";")[0].split(">")[0].split("=")[0].split("[")[0].strip() for line in project["dependencies"]}
    assert "mcp" in names
    unused = {n for n in names - run_by_name if not importers_of(import_names.get(n, n.replace("-", "_")))}
    assert unused == set()
