"""How a service is known to serve."""

import socket
import sys
import threading
from pathlib import Path

import pytest

from operations.programs.addresses import HOST, address_of, free_port
from operations.programs.program import Program
from operations.stack.supervisor import answers, has_logged
from tests.support.recording_server import recording_server
from tests.support.waiting import wait_until


@pytest.mark.parametrize(("status", "serves"), [(200, True), (503, False)])
def test_it_serves_once_it_answers_that_it_is_ready(status: int, *, serves: bool) -> None:
    with recording_server(status=status) as server:
        assert answers(server.url.removeprefix("http://"), "/readyz")() is serves


def test_where_nobody_listens_nobody_serves() -> None:
    assert not answers(address_of(free_port()), "/readyz")()


def test_something_else_than_http_is_no_answer() -> None:
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
    program = Program("kafka", (sys.executable, "-c", f"print({output!r})"), folder=tmp_path)
    program.log_file.write_text("started\n")
    program.start()
    assert wait_until(lambda: program.status is not None, seconds=20)

    assert has_logged(program, "started")() == serves
