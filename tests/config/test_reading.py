"""TOML text → Config."""

from __future__ import annotations

import pytest

from gateway.config import Config, load_config
from gateway.errors import ConfigError
from tests.config.problems import problems


def test_an_empty_file_is_the_defaults() -> None:
    assert load_config("") == Config()
    assert load_config("\ufeff# saved by an editor that marks UTF-8\n") == Config()


def test_the_promised_defaults() -> None:
    config = Config()
    assert (config.gateway.host, config.gateway.port) == ("127.0.0.1", 8808)
    assert (config.tools.mode, config.tools.max_listed, config.learning.mode) == ("ranked", 64, "on")
    assert (config.install.cooldown_days, config.install.on_demand) == (7.0, "off")
    assert (config.smithery.rate, config.smithery.burst, config.smithery.retry_cap_s) == ("5/s", 10, 30.0)
    assert (config.learning.bucket, config.learning.list_ttl_s, config.learning.keep_queries_days) == (0.1, 30.0, 30.0)


def test_every_section_is_read() -> None:
    config = load_config(
        """
        [gateway]
        port = 9000
        [[discover]]
        query = "search the web"
        [[server]]
        name = "clock"
        from = "pypi:clock==1.0"
        config = { zone = "UTC", deep = { list = [1, "two"] } }
        [server.restart]
        RestartSec = 2
        [[server]]
        name = "mine"
        command = ["python3", "server.py"]
        prefix = ""
        [learning.coordination]
        blend = 1
        [[profile]]
        name = "writers"
        servers = ["clock"]
        """
    )
    assert config.gateway.port == 9000
    assert config.discover[0].verified_only
    clock, mine = config.server
    assert (clock.from_, clock.restart.RestartSec) == ("pypi:clock==1.0", 2.0)
    assert clock.config == {"zone": "UTC", "deep": {"list": [1, "two"]}}
    assert (mine.command, mine.prefix) == (("python3", "server.py"), "")
    assert config.learning.coordination.blend == 1.0
    assert config.profile[0].mode is None


def test_all_problems_are_told_at_once_with_their_paths() -> None:
    found = problems(
        """
        prot = 1
        [gateway]
        port = "8808"
        [smithery]
        rate = "fast"
        [[server]]
        name = "clock"
        command = ["clock"]
        [[server]]
        name = "clock"
        [server.restart]
        RestartSec = -1
        [tools]
        mode = "best"
        """
    )
    assert set(found) == {
        "prot", "gateway.port", "smithery.rate", "server[1].name", "server[1].restart.RestartSec", "tools.mode",
    }  # fmt: skip


def test_text_that_is_no_toml_is_one_problem_with_its_line() -> None:
    assert "line 2" in problems("[gateway]\nport = = 1\n")["TOML"]


def test_text_that_is_nested_without_end_is_one_problem() -> None:
    assert "TOML" in problems("a = " + "[" * 100_000)


def test_an_error_names_the_file_and_every_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("[gateway]\nport = 0\nhots = 1\n", file="/etc/gateway.toml")
    text = str(caught.value)
    assert "/etc/gateway.toml has 2 problem(s)" in text
    assert "gateway.port: must be between 1 and 65535, not 0" in text
    assert 'gateway.hots: unknown key; did you mean "host"?' in text
    assert caught.value.exit_status == 2


def test_of_a_file_with_a_problem_in_each_line_the_first_hundred_are_told() -> None:
    found = problems("".join(f"key{number} = 1\n" for number in range(5000)))
    assert len(found) == 101
    assert found["…"] == "and 4900 more"
