"""Works on one call at a time and reads nothing meanwhile: also what was cancelled is answered, late.

Tools: `work` for `seconds`; `count` says how many calls of `work` it was given; `fail` breaks inside; `ok` does not.
"""

from __future__ import annotations

import time

from speaking import Json, Server, send, text, tool

SCHEMA = {"type": "object", "properties": {"seconds": {"type": "number"}}}


def main() -> None:
    """Run."""
    server = Server("serial")
    given: list[object] = []

    def work(arguments: Json, request: Json) -> Json:
        given.append(request["id"])
        time.sleep(float(arguments.get("seconds", 0.1)))
        return text("worked")

    def fail(_arguments: Json, request: Json) -> None:
        send({"id": request["id"], "error": {"code": -32603, "message": "a bug in the tool"}})

    server.add(tool("work", "Works, deaf to everything else.", SCHEMA), work)
    server.add(tool("count", "How many calls of work came here."), lambda _, __: text(str(len(given))))
    server.add(tool("fail", "Always breaks."), fail)
    server.add(tool("fail_too", "Always breaks as well."), fail)
    server.add(tool("ok", "Always works."), lambda _, __: text("ok"))
    server.add(tool("not_so", "Says itself that it did not work."), lambda _, __: text("no", is_error=True))
    server.run()


if __name__ == "__main__":
    main()
