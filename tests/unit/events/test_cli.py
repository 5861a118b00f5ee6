"""The package's commands."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from events.access_granting import Grant, GrantsReport
from events.access_rights import Role, rights_of
from events.cli import _progress as progress
from events.cli import commands
from events.cloudevent import CloudEvent, decode_json
from events.errors import BrokerUnreachableError
from events.fact import Family
from events.publisher import ContentMode, PublisherOptions, RecordingPublisher
from events.topic_admin import TopicsReport

VALID = (
    '{"specversion": "1.0", "id": "a-1", "source": "/lycees",'
    ' "type": "fr.iledefrance.smartregion.school.closed.v1", "time": "2019-03-11T09:30:00Z",'
    ' "data": {"uai": "0750419Y", "closed_on": "2019-03-11"}}\n'
)
INVALID = VALID.replace("0750419Y", "0750419Z")


class WatchedPublisher(RecordingPublisher):
    """A publisher that remembers how it was asked for."""

    made: "list[WatchedPublisher]" = []  # noqa: RUF012 - emptied by the fixture

    def __init__(self, bootstrap: str, *, options: PublisherOptions, security: object) -> None:
        super().__init__()
        self.bootstrap = bootstrap
        self.options = options
        self.security = security
        self.made.append(self)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[WatchedPublisher]]:
    """Publishers that the command made, in place of Kafka's."""
    monkeypatch.setattr("events.publisher.KafkaPublisher", WatchedPublisher)
    yield WatchedPublisher.made
    WatchedPublisher.made.clear()


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    """Run a command as a person would."""
    door = click.Group(commands={str(command.name): command for command in commands})
    return CliRunner().invoke(door, arguments, input=given)


def test_commands_are_those_of_the_package() -> None:
    """The door composes these, and what the parts below add."""
    assert {command.name for command in commands} >= {"contracts", "topics", "emit", "simulate"}


def test_emit_publishes_the_valid_lines(published: list[WatchedPublisher]) -> None:
    """All lines valid: counts on standard output, nothing on standard error, status 0."""
    result = run("emit", given=VALID * 2)
    assert (result.stdout, result.stderr, result.exit_code) == ("2 accepted, 0 refused\n", "", 0)
    assert published[0].events == [decode_json(VALID)] * 2


def test_emit_tells_the_refused_lines(published: list[WatchedPublisher]) -> None:
    """A bad line is told with number, field, problem and remedy; its neighbours are published."""
    result = run("emit", given=VALID + INVALID + VALID)
    assert result.stderr == (
        "line 2: data.uai: has a wrong check letter, value '0750419Z':"
        " these seven digits end with Y: look for a mistyped digit\n"
    )
    assert (result.stdout, result.exit_code) == ("2 accepted, 1 refused\n", 1)
    assert len(published[0].events) == 2


def test_emit_may_be_told_that_refusals_are_expected(published: list[WatchedPublisher]) -> None:
    """A simulated Région emits invalid events on purpose, and the next job waits for a 0."""
    result = run("emit", "--allow-refused", given=VALID + INVALID + VALID)

    assert result.exit_code == 0
    assert "2 accepted, 1 refused" in result.output
    assert len(published) == 1


def test_emit_reads_a_file(published: list[WatchedPublisher], tmp_path: Path) -> None:
    """A file's name stands for standard input."""
    file = tmp_path / "events.jsonl"
    file.write_text(VALID)
    assert run("emit", str(file)).stdout == "1 accepted, 0 refused\n"
    assert len(published) == 1


def test_emit_reads_any_bytes(published: list[WatchedPublisher]) -> None:
    """A line that is no text is refused like any other."""
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
    """The option wins over the variable, which wins over the local broker."""
    monkeypatch.delenv("SMART_REGION_BROKER", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    run("emit", *arguments, given="")
    assert published[0].bootstrap == expected


def test_emit_in_binary_mode(published: list[WatchedPublisher]) -> None:
    """The content mode is the caller's choice."""
    run("emit", "--mode", "binary", given="")
    assert published[0].options.mode is ContentMode.BINARY


def test_a_failing_broker_still_leaves_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is printed; the error goes on to the door, which makes one line of it."""

    class Unreachable(RecordingPublisher):
        def __init__(self, bootstrap: str, **_: object) -> None:
            raise BrokerUnreachableError(bootstrap, waited_seconds=1, cause="refused")

    monkeypatch.setattr("events.publisher.KafkaPublisher", Unreachable)
    result = run("emit", given=VALID)
    assert result.stdout == "0 accepted, 0 refused\n"
    assert isinstance(result.exception, BrokerUnreachableError)


def test_events_that_were_lost_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic that is missing on the way ends the emission with what is known so far."""

    class Forgetful(WatchedPublisher):
        def publish(self, event: CloudEvent) -> None:
            raise BrokerUnreachableError(event.id, waited_seconds=1, cause="gone")

    monkeypatch.setattr("events.publisher.KafkaPublisher", Forgetful)
    result = run("emit", given=VALID)
    assert "emit from line 1 on again" in str(result.exception)


class Terminal(io.StringIO):
    """What a person watches."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.mark.parametrize("name", ["events.jsonl", "/dev/null"])
def test_progress_is_shown_to_a_person(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """On a terminal a bar appears on standard error, and every line is still read."""
    file = tmp_path / name
    content = b"" if file.is_char_device() else VALID.encode() * 3
    file.write_bytes(content)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with file.open("rb") as opened, progress(opened) as lines:
        assert list(lines) == content.splitlines(keepends=True)
    assert "emitting" in terminal.getvalue()


def test_progress_without_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that come from no file are read as well, whatever their number."""
    monkeypatch.setattr("sys.stderr", Terminal())
    with progress(io.BytesIO(b"a\nb\n")) as lines:
        assert list(lines) == [b"a\n", b"b\n"]


def test_topics_are_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was created is named, and what was there is counted."""
    report = TopicsReport(
        created=("smartregion.grants",),
        verified=("smartregion.schools",),
        altered=("smartregion.schools",),
    )
    monkeypatch.setattr("events.topic_admin.apply_topics", lambda *_, **__: report)
    assert run("topics", "apply").stdout.splitlines() == [
        "created smartregion.grants",
        "altered smartregion.schools",
        "1 created, 1 as declared already",
    ]


def test_topics_are_listed() -> None:
    """The declaration is printed without a broker, one topic a line."""
    lines = run("topics", "list", "--partitions", "3").stdout.splitlines()
    assert len(lines) == 2 * len(Family) + 2
    assert lines[0] == (
        "smartregion.schools key='uai' partitions=3 replication=1"
        " cleanup.policy=delete compression.type=producer max.message.bytes=1048588"
        " message.timestamp.type=LogAppendTime retention.bytes=-1 retention.ms=-1"
    )


def test_simulate_hands_over_to_the_simulator() -> None:
    """The simulator's own options, help and errors are those of the command."""
    assert "--seed" in run("simulate", "--help").stdout
    missing = run("simulate")
    assert (missing.exit_code, "--seed" in missing.stderr) == (2, True)


def test_simulate_writes_events() -> None:
    """What the simulator writes is what `emit` reads."""
    day = "2016-03-01"
    lines = run("simulate", "--seed", "1", "--from", day, "--to", day).stdout.splitlines()
    assert decode_json(lines[0]).source


def test_help_is_fast() -> None:
    """Showing the commands imports neither models nor clients."""
    code = (
        "import sys, events.cli;"
        "print([m for m in ('pydantic', 'kafka', 'rich', 'events.simulation') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_persons_become_pseudonyms(tmp_path: Path) -> None:
    """A key is made once, and the same person has the same pseudonym each time."""
    key = str(tmp_path / "key")
    assert run("pseudonymise", "--key", key, "--new-key", "k1").stdout == ""
    first = run("pseudonymise", "--key", key, given="Éléonore\nb\n").stdout.splitlines()
    again = run("pseudonymise", "--key", key, given="b\n").stdout.splitlines()
    assert [len(line) for line in first] == [35, 35]
    assert again == first[1:]


def test_the_rights_of_a_role_are_printed_without_a_broker() -> None:
    """Whoever runs another authorizer reads what it has to allow."""
    lines = run("topics", "acl", "--role", "producer", "--family", "schools").stdout.splitlines()
    assert lines[0].startswith("# producer: publishes")
    assert lines[1:] == ["topic smartregion.schools: Write"]


def test_every_role_is_in_the_help() -> None:
    """The help is written by hand, so that it needs no declaration."""
    told = " ".join(run("topics", "acl", "--help").stdout.split())
    assert f"The roles: {', '.join(Role)}." in told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--role", "king"), "none of producer, gateway"),
        (("--role", "producer", "--family", "music"), "none of schools"),
        (("--principal", "User:*"), "write its name"),
    ],
)
def test_what_is_no_role_family_or_user_is_told(wrong: tuple[str, ...], told: str) -> None:
    """A mistyped option never reaches the broker."""
    result = run("topics", "acl", *wrong)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_rights_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says what it gave, and what a user has beside."""
    grants = [Grant("User:door", "topic", name, "WRITE") for name in "abc"]
    asked: list[tuple[object, ...]] = []

    def give(*arguments: object, **_: object) -> GrantsReport:
        asked.append(arguments)
        return GrantsReport((grants[0],), (grants[1],), (grants[2],))

    monkeypatch.setattr("events.access_granting.give_rights", give)
    done = run("topics", "acl", "--role", "gateway", "--principal", "door", "--bootstrap", "b:1")
    assert done.stdout.splitlines() == [
        "given: User:door may WRITE topic a",
        "beyond these roles: User:door may WRITE topic c",
        "1 given, 1 held already",
    ]
    assert asked == [("b:1", "User:door", rights_of(Role.GATEWAY))]


def test_the_broker_s_rules_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a user alone, its rules are shown."""
    grant = Grant("User:door", "topic", "a", "WRITE")
    monkeypatch.setattr("events.access_granting.held_rights", lambda *_, **__: (grant,))
    done = run("topics", "acl", "--principal", "User:door")
    assert done.stdout == "User:door may WRITE topic a\n"
