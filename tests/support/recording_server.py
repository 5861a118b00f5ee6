"""A server on loopback that records its requests: as a worker, another server or a proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class RecordingServer:
    """The requests, and the answer to all of them."""

    url: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    lines: list[str] = field(default_factory=list)
    """The first line of each request; to a proxy it names the whole address."""
    secrets: list[str] = field(default_factory=list)
    """The header `Authorization` of each request that had one."""


@contextmanager
def recording_server(
    *, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Iterator[RecordingServer]:
    """Yield a server that listens as long as the block."""
    recorder = RecordingServer(status=status, headers=headers or {}, body=body)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            recorder.lines.append(self.requestline)
            if secret := self.headers.get("Authorization"):
                recorder.secrets.append(secret)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(recorder.status)
            for name, value in recorder.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(recorder.body)))
            self.end_headers()
            self.wfile.write(recorder.body)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_CONNECT(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        recorder.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()
