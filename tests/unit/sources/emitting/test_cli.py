"""The commands of a producer: emit, pseudonymise. `screen.txt` has what they print."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from broker.errors import BrokerUnreachableError
from events.cloudevent import decode_json
from sources.client import Spool
from sources.emitting.options import destination_of
from tests.support.commands import run_inside_with
from tests.support.gateway_stub import accepted, answered_each, gateway_stub
from tests.support.loopback import Answer
from tests.support.private_files import private_file
from tests.support.sessions import Session
from tests.support.watched_publisher import RecordingPublisher, WatchedPublisher

VALID = (
    '{"specversion": "1.0", "id": "a-1", "source": "/lycees",'
    ' "type": "fr.iledefrance.smartregion.school.closed.v1", "time": "2019-03-11T09:30:00Z",'
    ' "data": {"uai": "0750419Y", "closed_on": "2019-03-11"}}\n'
)
INVALID = VALID.replace("0750419Y", "0750419Z")
TOKEN = "srt_lycees_" + "A" * 43


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_lines_are_emitted_or_refused(
    published: list[WatchedPublisher], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session()
    session.run("emit", given=VALID + INVALID + VALID)
    # A simulated Région emits invalid events on purpose, and the next job waits for a 0.
    session.run("emit", "--allow-refused", given=VALID + INVALID)
    # An endless line filled the memory; those behind it are published.
    session.run("emit", given=" " * 1_000_000 + VALID + VALID)
    Path("events.jsonl").write_bytes(b"\xff\x00\n" + VALID.encode())
    session.run("emit", "events.jsonl")
    for encoding in ("utf-16-le", "utf-16-be"):
        Path(f"{encoding}.txt").write_bytes(("\ufeff" + VALID * 3).encode(encoding))
        session.run("emit", f"{encoding}.txt")
    counts = [[decode_json(VALID)] * count for count in (2, 1, 1, 1, 0, 0)]
    assert [one.events for one in published] == counts

    class Unreachable(RecordingPublisher):
        def __init__(self, bootstrap: str, **_: object) -> None:
            raise BrokerUnreachableError(
                bootstrap, waited_seconds=1, cause="refused", security_protocol="PLAINTEXT"
            )

    monkeypatch.setattr("sources.client.KafkaPublisher", Unreachable)
    session.run("emit", given=VALID)
    session.check(Path(__file__).with_name("screen.txt"))


@pytest.mark.parametrize(
    ("arguments", "variable", "expected"),
    [
        ([], None, "127.0.0.1:9092"),
        ([], "kafka:9092", "kafka:9092"),
        (["--bootstrap", "other:1"], "kafka:9092", "other:1"),
    ],
)
def test_emit_knows_its_broker(
    published: list[WatchedPublisher], arguments: list[str], variable: str | None, expected: str
) -> None:
    run_inside_with({"SMART_REGION_BROKER": variable}, "emit", *arguments)
    assert published[0].bootstrap == expected


def test_events_may_take_the_gateway() -> None:
    private_file(Path("token"), TOKEN)
    with gateway_stub() as stub:
        session = Session(GATEWAY=stub.url)
        through = ("--gateway", stub.url, "--secret", "token")
        session.run("emit", *through, given=VALID * 2)
        sent = [decode_json(json.dumps(event)) for event in stub.arrived]
        assert sent == [decode_json(VALID)] * 2
        assert stub.requests[0][0]["authorization"] == f"Bearer {TOKEN}"
        stub.behaviour = lambda events: answered_each([403] * len(events))
        session.run("emit", *through, given=VALID)
        stub.behaviour = lambda _: Answer(503, {"detail": "busy"}, {"Retry-After": "3600"})
        session.run("emit", *through, "--spool", "spool.db", given=VALID)
        with closing(Spool(Path("spool.db"))) as kept:
            assert len(kept) == 1
        stub.behaviour = accepted
        session.run("emit", *through, "--spool", "spool.db")
        for option in ("--gateway=http://127.0.0.1:1", "--spool=x", "--plain-http", "--producer=x"):
            session.run("emit", option)
    session.check(Path(__file__).with_name("screen_gateway.txt"))


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


def test_persons_become_pseudonyms() -> None:
    """A key is made once, and the same person has the same pseudonym each time."""

    def run(*arguments: str, given: str = "") -> tuple[list[str], str]:
        done = run_inside_with({}, "pseudonymise", "--key", "key", *arguments, standard_input=given)
        return done.stdout.splitlines(), done.stderr

    assert run("--new-key", "k1") == ([], "")
    first, _ = run(given="Éléonore\nb\n")
    assert [len(line) for line in first] == [35, 35]
    again, error = run(given="b\n" + "é" * 100_000)
    assert again == first[1:]
    # Only the beginning of an endless line is read.
    assert "line 2" in error
    assert "has more than 1000 characters" in error
