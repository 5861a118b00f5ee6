"""A program says itself that no broker answers; what the client says of it is left out."""

from __future__ import annotations

import logging

import pytest

from broker.failed_attempts import FailedAttempts

CLIENT = logging.getLogger("aiokafka")


@pytest.mark.parametrize(
    ("text", "place", "cause"),
    [
        ('Unable connect to "%s:9092": %s', "kafka", "kafka:9092: refused"),
        ("Unable connect to node with id %s: %s", 3, "broker 3: refused"),
    ],
)
def test_the_cause_is_that_of_the_last_attempt(text: str, place: object, cause: str) -> None:
    with FailedAttempts() as attempts:
        CLIENT.error(text, place, OSError(111, "refused"))

    assert attempts.cause == cause


@pytest.mark.parametrize(
    ("text", "is_logged"),
    [("Unable to update metadata from [0]", False), ("Unable to sleep", True)],
)
def test_only_lines_about_connections_are_left_out(
    caplog: pytest.LogCaptureFixture,
    text: str,
    is_logged: bool,  # noqa: FBT001
) -> None:
    with FailedAttempts():
        CLIENT.error(text)

    assert bool(caplog.records) is is_logged


def test_all_is_logged_where_the_client_logs_its_steps(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="aiokafka")
    with FailedAttempts():
        CLIENT.error("Unable to update metadata from [0]")

    assert caplog.records
