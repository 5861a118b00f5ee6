"""The options of a command that may send through the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from events.cloudevent import decode_json
from sources.client import Spool
from sources.emitting import cli
from sources.emitting.options import destination_of
from tests.support.commands import run_inside_with
from tests.support.gateway_stub import (
    GatewayStub,
    StubAnswer,
    accepted,
    answered_each,
    gateway_stub,
)

VALID = (
    '{"specversion": "1.0", "id": "a-1", "source": "/lycees",'
    ' "type": "fr.iledefrance.smartregion.school.closed.v1", "time": "2019-03-11T09:30:00Z",'
    ' "data": {"uai": "0750419Y", "closed_on": "2019-03-11"}}\n'
)
TOKEN = "srt_lycees_" + "A" * 43


@pytest.fixture
def stub() -> Iterator[GatewayStub]:
    """Yield a gateway."""
    with gateway_stub() as stub:
        yield stub


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """Return the file of a token."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    return str(file)


def emit(*arguments: str, given: str = VALID) -> Result:
    """Run the command as a person would."""
    gateway = click.Group(commands={"emit": cli.emit})
    return CliRunner().invoke(gateway, ["emit", *arguments], input=given)


def test_events_go_through_the_gateway(stub: GatewayStub, secret: str) -> None:
    """With the token of the file, and the counts of what the gateway took."""
    result = emit("--gateway", stub.url, "--secret", secret, given=VALID * 2)
    assert (result.stdout, result.stderr, result.exit_code) == ("2 accepted, 0 refused\n", "", 0)
    assert [decode_json(json.dumps(event)) for event in stub.arrived] == [decode_json(VALID)] * 2
    assert stub.requests[0][0]["authorization"] == f"Bearer {TOKEN}"


def test_an_event_that_the_gateway_turns_down_is_reported(stub: GatewayStub, secret: str) -> None:
    stub.behaviour = lambda events: answered_each([403] * len(events))
    result = emit("--gateway", stub.url, "--secret", secret)
    assert result.stderr == ("line 1: event 'a-1': was refused (because of 403)\n")
    assert (result.stdout, result.exit_code) == ("0 accepted, 1 refused\n", 1)


def test_what_is_spooled_is_reported_and_sent_by_the_next(
    stub: GatewayStub, secret: str, tmp_path: Path
) -> None:
    stub.behaviour = lambda _: StubAnswer(503, b"", (("Retry-After", "3600"),))
    spool = tmp_path / "spool.db"
    options = ("--gateway", stub.url, "--secret", secret, "--spool", str(spool))
    result = emit(*options)
    assert result.stdout == "0 accepted, 0 refused, 1 waiting\n"
    assert result.stderr.startswith("the gateway takes no events now (status 503 of BaseHTTP")
    assert result.exit_code == 0
    with closing(Spool(spool)) as kept:
        assert len(kept) == 1
    stub.behaviour = accepted
    assert emit(*options, given="").stdout == "1 accepted, 0 refused\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gateway", "http://127.0.0.1:1"], "--gateway needs --secret FILE"),
        (["--spool", "x"], "--spool needs --gateway URL"),
        (["--plain-http"], "--plain-http needs --gateway URL"),
        (["--producer", "x"], "--producer needs --gateway URL"),
    ],
)
def test_options_that_want_each_other(arguments: list[str], message: str) -> None:
    result = emit(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("command", "has_spool"),
    [
        ("emit", True),
        ("explain", True),
        ("import csv", False),
        ("import pilote", False),
        ("harvest dcat", False),
        ("harvest opendatasoft", False),
        ("relay postgres", False),
    ],
)
def test_a_spool_is_offered_where_it_is_of_use(command: str, *, has_spool: bool) -> None:
    done = run_inside_with({}, *command.split(), "--help")
    assert "--gateway" in done.stdout
    assert ("--spool" in done.stdout) is has_spool


def test_the_same_brokers_are_one_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_BROKER", "kafka-2:9092, kafka-1:9092")

    assert destination_of(None, None) == destination_of("kafka-1:9092,kafka-2:9092", None)
