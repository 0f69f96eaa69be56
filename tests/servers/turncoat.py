"""Changes what it says of itself: title, instructions and tools stand in the file FILE, which is read at each list.

The tool `turn` tells the client that the list changed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from speaking import Json, Server, notify, text, tool


def main() -> None:
    """Run."""
    place = Path(sys.argv[1])
    said: Json = json.loads(place.read_text())
    server = Server(said.get("title", "turncoat"), instructions=said.get("instructions", ""))

    def turn(_arguments: Json, _request: Json) -> Json:
        notify("notifications/tools/list_changed", {})
        return text("turned")

    server.add(tool("turn", "Turns."), turn)
    own = server.listing

    def listing(params: Json) -> Json:
        return {"tools": [*own(params)["tools"], *json.loads(place.read_text())["tools"]]}

    server.listing = listing  # type: ignore[method-assign]
    server.run()


if __name__ == "__main__":
    main()
