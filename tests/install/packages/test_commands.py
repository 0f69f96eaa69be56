"""The command lines that installations run."""

from __future__ import annotations

from gateway.install.packages import commands


def test_no_npm_command_that_installs_runs_scripts() -> None:
    for line in (commands.npm_lock("npm", None), commands.npm_ci("npm")):
        assert "--ignore-scripts" in line


def test_uv_takes_wheels_only_and_checks_hashes() -> None:
    lock = commands.uv_compile("uv", "py", "2026-01-01T00:00:00Z")
    assert lock[lock.index("--only-binary") + 1] == ":all:"
    assert "--generate-hashes" in lock
    assert {"--require-hashes", "--only-binary"} <= set(commands.uv_sync("uv"))


def test_the_cooldown_reaches_both_resolvers() -> None:
    before = commands.cutoff(1_800_000_000.0, 7 * 86400.0)
    assert before == "2027-01-08T08:00:00Z"
    assert f"--before={before}" in commands.npm_lock("npm", before)
    assert before in commands.uv_compile("uv", "py", before)


def test_a_waived_cooldown_limits_nothing() -> None:
    assert commands.cutoff(1_800_000_000.0, 0.0) is None
    assert not [word for word in commands.npm_lock("npm", None) if word.startswith("--before")]


def test_a_name_stands_behind_the_end_of_options() -> None:
    line = commands.npm_view("npm", "pkg")
    assert line.index("--") < line.index("pkg")


def test_npm_takes_nothing_that_does_not_come_from_its_registry() -> None:
    for line in (commands.npm_lock("npm", None), commands.npm_ci("npm")):
        assert {f"--allow-{kind}=none" for kind in ("git", "remote", "file", "directory")} <= set(line)
        assert [word for word in line if word.startswith("--git=/dev/null/")]
    assert "--omit-lockfile-registry-resolved" in commands.npm_lock("npm", None)


def test_asking_why_resolves_without_a_cutoff_and_builds_nothing() -> None:
    line = commands.uv_explain("uv", "py")
    assert "--exclude-newer" not in line
    assert line[line.index("--only-binary") + 1] == ":all:"
