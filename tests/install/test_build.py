"""The real folders in a package's launch."""

from __future__ import annotations

from pathlib import Path

from gateway.clock import SystemClock
from gateway.install.build import Site, package_launch
from gateway.install.content import ContentStore
from gateway.install.planning.plan import make_plan
from gateway.install.planning.starter import starter_listing
from gateway.model import StdioLaunch
from gateway.net import Fetcher, guarded_client
from tests.install.values import MACHINE, NOW, RULES


async def test_placeholders_become_real_folders_and_secrets_stay_names(tmp_path: Path) -> None:
    plan = make_plan(
        starter_listing("memory"),
        name="mem",
        settings={},
        machine=MACHINE,
        rules=RULES,
        now=NOW,
        args=["${content}/x", "/srv/y"],
    )
    async with guarded_client() as client:
        site = Site(
            store=ContentStore(tmp_path),
            machine=MACHINE,
            environ={},
            fetch=Fetcher(client),
            timeout_s=1.0,
            progress=lambda _: None,
            now=SystemClock().wall(),
        )
        launch = package_launch(plan, site, ("/usr/bin/node", "p.js"), Path("/c/abc"))
    home = f"{tmp_path}/data/mem"
    assert launch == StdioLaunch(
        ("/usr/bin/node", "p.js", "/c/abc/x", "/srv/y"),
        {"PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8", "TMPDIR": f"{home}/tmp"}
        | {"MEMORY_FILE_PATH": f"{home}/memory.jsonl"},
        home,
        ("/srv/y",),
    )
