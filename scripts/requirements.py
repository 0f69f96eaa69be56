"""Print the project's direct requirements without torch (or, with `dev`, the development extra's), one a line."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parent.parent.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
wanted = project["optional-dependencies"]["dev"] if sys.argv[1:] == ["dev"] else project["dependencies"]
print("\n".join(line for line in wanted if not line.startswith("torch")))  # noqa: T201
