"""The command `smart-region health`, with a small server on loopback."""

import json

import pytest
from click.testing import CliRunner

from operations.programs.addresses import free_address
from smart_region import main
from tests.support.loopback import recording_server


def health(status: int, body: bytes) -> tuple[int, str]:
    with recording_server(status=status, body=body) as server:
        result = CliRunner().invoke(main, ["health", f"{server.url}/readyz"])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (503, json.dumps({"waiting_for": "the broker"}).encode(), "waits for the broker"),
        (404, b"", "answers with status 404"),
        (404, b"[]", "answers with status 404"),
        (404, b"\xff", "answers with status 404"),
    ],
)
def test_what_a_process_waits_for_is_one_line(status: int, body: bytes, problem: str) -> None:
    exit_code, output = health(status, body)

    assert exit_code == 1
    assert output.endswith(f": {problem}\n")
    assert output.count("\n") == 1


def test_who_answers_200_is_well() -> None:
    assert health(200, b"{}") == (0, "")


def test_no_answer_is_no_health() -> None:
    result = CliRunner().invoke(main, ["health", f"http://{free_address()}/healthz"])

    assert result.exit_code == 1
    assert "no answer" in result.output
