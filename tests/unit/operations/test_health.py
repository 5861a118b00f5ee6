"""The health of a process, with a small server on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from operations.cli import health
from operations.health import UnhealthyError, check_health
from operations.programs.addresses import free_port
from tests.support.recording_server import recording_server


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Answer every request in the same way; gives the address."""
    with recording_server(status=status, body=body) as server:
        yield f"{server.url}/readyz"


def test_who_answers_200_is_well() -> None:
    with answering(200, b"{}") as url:
        check_health(url, seconds=5)


def test_what_a_process_waits_for_is_reported() -> None:
    body = json.dumps({"ready": False, "waiting_for": "the broker"}).encode()

    with answering(503, body) as url, pytest.raises(UnhealthyError, match="waits for the broker"):
        check_health(url, seconds=5)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"ready": false}'])
def test_an_answer_of_another_kind_is_reported_by_its_status(body: bytes) -> None:
    with answering(404, body) as url, pytest.raises(UnhealthyError, match="status 404"):
        check_health(url, seconds=5)


def test_no_answer_is_unhealthy() -> None:
    with pytest.raises(UnhealthyError, match="no answer"):
        check_health(f"http://127.0.0.1:{free_port()}/healthz", seconds=5)


def test_the_command_ends_as_engines_want_it() -> None:
    with answering(200, b"{}") as url:
        ready = CliRunner().invoke(health, [url])
    unhealthy = CliRunner().invoke(health, [f"http://127.0.0.1:{free_port()}/healthz"])

    assert (ready.exit_code, ready.output) == (0, "")
    assert unhealthy.exit_code == 1
    assert unhealthy.output.count("\n") == 1
