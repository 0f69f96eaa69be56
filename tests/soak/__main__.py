"""`python -m tests.soak --minutes 20 [--seed N]`: prints its seed, each fault, a JSON summary; exit 1 on violations."""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
from pathlib import Path

from tests.soak.judge import summary, violations
from tests.soak.plan import QUIET_S
from tests.soak.run import soak


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=None, help="default: drawn, and printed")
    parser.add_argument("--quiet-s", type=float, default=QUIET_S, help="seconds without faults at the end")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    with tempfile.TemporaryDirectory(prefix="mcp-gateway-soak-") as folder:
        seen = soak(
            Path(folder),
            seed=seed,
            duration_s=options.minutes * 60,
            quiet_s=options.quiet_s,
            tell=lambda line: print(line, flush=True),
        )
        found = violations(seen)
        print(json.dumps({"seed": seed, **summary(seen), "violations": found[:40]}, indent=2))
        if found:
            print("\n".join(f"{row['name']}: {row['state']} {row['reason']}" for row in seen.servers))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
