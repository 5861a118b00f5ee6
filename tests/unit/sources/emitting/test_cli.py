"""The commands of a producer: emit, pseudonymise."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from broker.errors import BrokerUnreachableError
from events.cloudevent import decode_json
from sources.client import RecordingPublisher
from sources.emitting.cli import emit, pseudonymise
from tests.support.watched_publisher import WatchedPublisher

VALID = (
    '{"specversion": "1.0", "id": "a-1", "source": "/lycees",'
    ' "type": "fr.iledefrance.smartregion.school.closed.v1", "time": "2019-03-11T09:30:00Z",'
    ' "data": {"uai": "0750419Y", "closed_on": "2019-03-11"}}\n'
)

INVALID = VALID.replace("0750419Y", "0750419Z")


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    """Run a command as a person would."""
    group = click.Group(commands={"emit": emit, "pseudonymise": pseudonymise})
    return CliRunner().invoke(group, arguments, input=given)


def test_emit_publishes_the_valid_lines(published: list[WatchedPublisher]) -> None:
    result = run("emit", given=VALID * 2)
    assert (result.stdout, result.stderr, result.exit_code) == ("2 accepted, 0 refused\n", "", 0)
    assert published[0].events == [decode_json(VALID)] * 2


def test_emit_reports_the_refused_lines(published: list[WatchedPublisher]) -> None:
    result = run("emit", given=VALID + INVALID + VALID)
    assert result.stderr == (
        "line 2: data.uai: has a wrong check letter, value '0750419Z':"
        " these seven digits end with Y: look for a mistyped digit\n"
    )
    assert (result.stdout, result.exit_code) == ("2 accepted, 1 refused\n", 1)
    assert len(published[0].events) == 2


def test_emit_refuses_a_line_that_is_longer_than_any_event(
    published: list[WatchedPublisher],
) -> None:
    """An endless one filled the memory; those behind it are published."""
    endless = " " * 1_000_000 + VALID
    result = run("emit", given=endless + VALID)

    assert result.stderr == (
        "line 1: line: is larger than any event, value 'more than 262144 bytes':"
        " write each event on a line of its own\n"
    )
    assert (result.stdout, result.exit_code) == ("1 accepted, 1 refused\n", 1)
    assert len(published[0].events) == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_emit_refuses_a_file_of_powershell_as_a_whole(
    published: list[WatchedPublisher], encoding: str
) -> None:
    """Each line was reported as no JSON, with the advice to write each event on one line."""
    result = run("emit", given=("\ufeff" + VALID * 3).encode(encoding))

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: file: is in UTF-16")
    assert result.stdout == "0 accepted, 0 refused\n"
    assert published[0].events == []


def test_emit_says_why_no_line_of_an_event_for_people_is_taken(
    published: list[WatchedPublisher],
) -> None:
    laid_out = json.dumps(json.loads(VALID), indent=2)
    told = run("emit", given=laid_out).stderr.splitlines()

    assert "jq --compact-output" in told[-1]
    assert "jq" not in run("emit", given=f"{VALID}{{\n[\n").stderr
    assert published


def test_emit_has_an_option_for_expected_refusals(published: list[WatchedPublisher]) -> None:
    """A simulated Région emits invalid events on purpose, and the next job waits for a 0."""
    result = run("emit", "--allow-refused", given=VALID + INVALID + VALID)

    assert result.exit_code == 0
    assert "2 accepted, 1 refused" in result.output
    assert len(published) == 1


def test_emit_reads_a_file(published: list[WatchedPublisher], tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(VALID)
    assert run("emit", str(file)).stdout == "1 accepted, 0 refused\n"
    assert len(published) == 1


def test_emit_reads_any_bytes(published: list[WatchedPublisher]) -> None:
    result = run("emit", given=b"\xff\x00\n")
    assert (result.exit_code, len(published)) == (1, 1)
    assert result.stderr.startswith("line 1: value: is not valid JSON")


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ([], {}, "127.0.0.1:9092"),
        ([], {"SMART_REGION_BROKER": "kafka:9092"}, "kafka:9092"),
        (["--bootstrap", "other:1"], {"SMART_REGION_BROKER": "kafka:9092"}, "other:1"),
    ],
)
def test_emit_knows_its_broker(
    published: list[WatchedPublisher],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environ: dict[str, str],
    expected: str,
) -> None:
    monkeypatch.delenv("SMART_REGION_BROKER", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    run("emit", *arguments, given="")
    assert published[0].bootstrap == expected


def test_a_failing_broker_still_leaves_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreachable(RecordingPublisher):
        def __init__(self, bootstrap: str, **_: object) -> None:
            raise BrokerUnreachableError(
                bootstrap, waited_seconds=1, cause="refused", security_protocol="PLAINTEXT"
            )

    monkeypatch.setattr("sources.client.KafkaPublisher", Unreachable)
    result = run("emit", given=VALID)
    error, counts = result.output.splitlines()
    assert error.startswith("Error: broker: no Kafka broker answered")
    assert counts == "0 accepted, 0 refused"
    assert result.exit_code == 2


def test_a_person_longer_than_any_is_reported_by_its_line(tmp_path: Path) -> None:
    """Of an endless line only the beginning is read, whatever character it ends in."""
    key = str(tmp_path / "key")
    run("pseudonymise", "--key", key, "--new-key", "k1")

    result = run("pseudonymise", "--key", key, given="b\n" + "é" * 100_000)

    assert "line 2" in str(result.exception)
    assert "has more than 1000 characters" in str(result.exception)


def test_persons_become_pseudonyms(tmp_path: Path) -> None:
    """A key is made once, and the same person has the same pseudonym each time."""
    key = str(tmp_path / "key")
    assert run("pseudonymise", "--key", key, "--new-key", "k1").stdout == ""
    first = run("pseudonymise", "--key", key, given="Éléonore\nb\n").stdout.splitlines()
    again = run("pseudonymise", "--key", key, given="b\n").stdout.splitlines()
    assert [len(line) for line in first] == [35, 35]
    assert again == first[1:]
