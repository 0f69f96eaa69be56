"""A tool that fails (isError) at a given rate, the same way each time: `--tool NAME --rate 0.8 --seed 1`."""

from __future__ import annotations

import argparse
import random

from speaking import Json, Server, text, tool


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", default="lookup")
    parser.add_argument("--description", default="Looks a word up and returns its meaning.")
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--modern", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    server = Server("flaky", modern=options.modern)

    def lookup(arguments: Json, _request: Json) -> Json:
        if rng.random() < options.rate:
            return text("the upstream service failed", is_error=True)
        return text(f"found {arguments.get('text', '')}")

    server.add(tool(options.tool, options.description, annotations={"readOnlyHint": True}), lookup)
    server.run()


if __name__ == "__main__":
    main()
