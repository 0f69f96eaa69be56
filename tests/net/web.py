"""A tiny real HTTP server for the tests of outbound fetching: scripted by path, remembers what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    declare_length: bool = True


@dataclass
class Web:
    """A running server: its base URL, its pages (to be changed by the test) and the requests it saw."""

    url: str
    pages: dict[str, Page]
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def serving(pages: dict[str, Page]) -> Iterator[Web]:
    """Serve `pages` on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
            page = web.pages.get(self.path.split("?")[0], Page(404, b"no"))
            self.send_response(page.status)
            for key, value in page.headers.items():
                self.send_header(key, value)
            if page.declare_length:
                self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            try:
                self.wfile.write(page.body)
            except OSError:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web = Web(f"http://127.0.0.1:{server.server_address[1]}", pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
