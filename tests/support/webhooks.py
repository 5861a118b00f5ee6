"""A webhook for tests: takes what is posted to it, and keeps it with the moment it came."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Webhook:
    """What arrived at a server: JSON bodies by place, in the order they came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[tuple[str, Any]] = []
        self.moments: list[float] = []
        """When each came, on `time.monotonic()`'s clock."""

    def take(self, path: str, body: bytes) -> None:
        self.moments.append(time.monotonic())
        self.received.append((path, json.loads(body)))


@contextmanager
def webhook_server() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            webhook.take(self.path, self.rfile.read(length))
            self.send_response(200)
            self.end_headers()
            # What a chat answers.
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base has it
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    webhook = Webhook(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield webhook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
