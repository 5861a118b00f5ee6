"""How a service is known to serve."""

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from operations.programs.addresses import HOST, address_of, free_port
from operations.programs.program import Program
from operations.stack.supervisor import answers, has_logged
from tests.support.waiting import wait_until


class Answering(BaseHTTPRequestHandler):
    """Is ready, and has nothing else."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Yield the address of a server."""
    with HTTPServer((HOST, 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield address_of(server.server_port)
        server.shutdown()
        thread.join()


def test_it_serves_once_it_answers_that_it_is_ready(address: str) -> None:
    """Another status is a not yet."""
    assert answers(address, "/readyz")()
    assert not answers(address, "/healthz")()


def test_where_nobody_listens_nobody_serves() -> None:
    """That is no error: it is still starting."""
    assert not answers(address_of(free_port()), "/readyz")()


def test_something_else_than_http_is_no_answer() -> None:
    """Another program may have taken the port."""
    with socket.create_server((HOST, 0)) as server:

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()

        assert not answers(address_of(server.getsockname()[1]), "/readyz")()
        thread.join()


@pytest.mark.parametrize(("output", "serves"), [("started", True), ("starting", False)])
def test_it_is_ready_once_its_log_has_the_line(
    output: str, *, serves: bool, tmp_path: Path
) -> None:
    """In this run: the output of an earlier one does not count."""
    program = Program("kafka", (sys.executable, "-c", f"print({output!r})"), folder=tmp_path)
    program.log_file.write_text("started\n")
    program.start()
    assert wait_until(lambda: program.status is not None, seconds=20)

    assert has_logged(program, "started")() == serves
