"""Config → TOML → Config."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Config, load_config
from gateway.config.render import render_config
from gateway.config.server import HealthTable, ServerSection
from gateway.config.tools import ProfileSection, ToolsSection

EVERYTHING = """
[gateway]
port = 9000
log = "json"
[auth]
allowed_hosts = ["gateway.example.com"]
[smithery]
timeout_s = 2.5
[[discover]]
query = "search the web"
limit = 2
[[discover]]
query = "clock"
[[server]]
name = "a"
from = "smithery:acme/echo"
prefix = ""
secrets = ["KEY"]
[server.config]
text = "line\\nline \\"quoted\\" \\\\ é"
deep = { list = [1, 2.5, true, "x"], table = { a = {} } }
[server.restart]
Restart = "no"
[[server]]
name = "b"
command = ["python3", "-c", "print('x')"]
env = { A = "1", "B" = "" }
[[server]]
name = "c"
url = "https://example.com/mcp"
headers = { Authorization = "Bearer ${secret:KEY}" }
required = true
[learning]
l2 = 1e-7
[learning.coordination]
mode = "mixed"
[[profile]]
name = "p"
builtins = false
"""


def test_a_configuration_reads_back_equal() -> None:
    config = load_config(EVERYTHING)
    assert load_config(render_config(config)) == config


def test_the_defaults_are_an_empty_text() -> None:
    assert render_config(Config()) == ""


def test_only_what_differs_from_the_defaults_is_written() -> None:
    assert render_config(Config(tools=ToolsSection(max_listed=5))).strip() == "[tools]\nmax_listed = 5"


def test_a_key_is_left_out_unless_it_is_asked_for() -> None:
    config = load_config('[smithery]\napi_key = "hunter2"\nburst = 3')
    shown = render_config(config)
    assert "hunter2" not in shown
    assert "# api_key is set, not shown" in shown
    assert load_config(shown).smithery.burst == 3
    assert load_config(render_config(config, show_secrets=True)) == config


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _TEXT | st.integers(-(2**31), 2**31) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(config=st.dictionaries(_TEXT, _VALUES, max_size=4), description=_TEXT)
def test_any_values_of_a_server_read_back_equal(config: dict[str, Any], description: str) -> None:
    server = ServerSection(
        name="x", from_="npm:x", config=config, description=description, health=HealthTable(IntervalSec=0.1)
    )
    whole = Config(server=(server,), profile=(ProfileSection(name="p", servers=("x",)),))
    assert load_config(render_config(whole)) == whole
