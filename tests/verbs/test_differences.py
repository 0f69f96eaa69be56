"""What an upgrade changes, by names."""

from __future__ import annotations

from gateway.model import Origin, RemoteLaunch, ServerName, ServerSpec, StdioLaunch
from gateway.store.definitions import ITSELF
from gateway.store.installed import InstalledServer
from gateway.verbs.differences import changed_pins, changes_of, command_of, tool_changes, tool_count
from tests.verbs.fakes import offered


def server(version: str, launch: StdioLaunch | RemoteLaunch, **more: object) -> InstalledServer:
    spec = ServerSpec(ServerName("echo"), f"npm:echo@{version}", Origin.CLI, launch, version=version)
    return InstalledServer(spec=spec, sha256=version, installed_at=1.0, version=version, files=version, **more)  # type: ignore[arg-type]


OLD = server(
    "1",
    StdioLaunch(("node", "/state/content/1/a.js"), {"KEEP": "x", "GONE": "y"}),
    settings={"a": 1},
    secret_keys=("K",),
)
NEW = server(
    "2", StdioLaunch(("node", "/state/content/2/a.js", "--new"), {"KEEP": "z", "FRESH": "y"}), settings={"a": 2, "b": 1}
)


def test_names_that_come_and_go_are_told_and_no_values() -> None:
    told = changes_of(OLD, NEW)
    assert told["version"] == {"before": "1", "after": "2"}
    assert told["from"] == {"before": "npm:echo@1", "after": "npm:echo@2"}
    assert told["environment"] == {"added": ["FRESH"], "removed": ["GONE"]}
    assert told["settings"] == {"added": ["b"], "removed": []}
    assert told["secrets"] == {"added": [], "removed": ["K"]}


def test_a_command_is_spelled_without_the_folder_that_changes_with_each_release() -> None:
    assert changes_of(OLD, NEW)["command"] == {
        "before": ["node", "${content}/a.js"],
        "after": ["node", "${content}/a.js", "--new"],
    }


def test_the_command_of_a_remote_server_is_its_address() -> None:
    assert command_of(server("1", RemoteLaunch("https://x.example/mcp"))) == ["https://x.example/mcp"]


def test_tools_that_come_go_and_change_are_told() -> None:
    pins = {"same": offered("same"), "gone": offered("gone"), "other": offered("before"), ITSELF: offered("me")}
    seen = {"same": offered("same"), "new": offered("new"), "other": offered("after"), ITSELF: offered("somebody")}
    assert tool_changes(pins, seen) == {
        "added": ["new"],
        "removed": ["gone"],
        "changed": [
            {
                "tool": "other",
                "before": {"description": "before"},
                "after": {"description": "after"},
                "diff": ["description:", "  @@ -1 +1 @@", "  - before", "  + after"],
            }
        ],
        "instructions_changed": True,
    }
    assert changed_pins(pins, seen) == {"other": seen["other"], ITSELF: seen[ITSELF]}
    assert tool_count(seen) == 3


def test_a_pin_without_its_text_is_compared_by_its_hash() -> None:
    assert tool_changes({"t": ("old", "")}, {"t": offered(1)})["changed"] == [
        {
            "tool": "t",
            "before": None,
            "after": {"description": "1"},
            "diff": ["description:", "  @@ -0,0 +1 @@", "  + 1"],
        }
    ]
