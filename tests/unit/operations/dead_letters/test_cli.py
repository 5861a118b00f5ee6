"""The commands `smart-region dead-letters …`, without a broker."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS
from operations.dead_letters.outcome import ERASED
from operations.dead_letters.replay import ReplayCounts
from smart_region import main
from tests.support.letters import FakeWriter, arrived, letter_of, refused, valid_event
from tests.support.records import FakeRecord

PERSON = "Zoé-Üñique"
VALID = refused(
    key=b"k",
    value=letter_of(valid_event(source="urn:iledefrance:lycees", name=PERSON)).value,
    headers=letter_of().headers,
)
BROKEN = refused(offset=43, value=f'{{"data": {{"commune": "{PERSON}"}}}}'.encode())


class ContextWriter(FakeWriter):
    """A writer that is a context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def writer(monkeypatch: pytest.MonkeyPatch) -> ContextWriter:
    writer = ContextWriter()

    def read(_: str, *, topics: Sequence[str], **__: Any) -> Iterator[FakeRecord]:
        (topic,) = topics
        if topic == DEAD_LETTERS:
            yield from arrived([VALID, BROKEN])
        else:
            outcomes = [one for sent in writer.sent for one in sent]
            yield from arrived([one for one in outcomes if one.topic == DEAD_LETTER_OUTCOMES])

    monkeypatch.setattr("operations.dead_letters.ledger.read_topics", read)
    monkeypatch.setattr("broker.topic_admin.verify_topics", lambda *_, **__: None)
    monkeypatch.setattr("broker.writing.KafkaWriter", lambda *_, **__: writer)
    return writer


def run_dead_letters(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["dead-letters", *arguments])


def records(writer: FakeWriter) -> list[OutgoingRecord]:
    return [one for sent in writer.sent for one in sent]


class TestList:
    def test_shows_origin_reason_and_status_of_each(self) -> None:
        result = run_dead_letters("list")

        assert result.stdout.splitlines()[0] == (
            "0/0 waiting 2019-06-30 12:30:00 smartregion.schools[3]@42 invalid_data "
            "data.name: breaks the contract of its fact, value <masked>: send a name"
        )
        assert result.stderr.startswith("2 dead letters = 2 waiting + 0 replayed + 0 discarded")

    def test_is_filtered(self) -> None:
        assert len(run_dead_letters("list", "--type", "school.registered").stdout.splitlines()) == 1
        assert run_dead_letters("list", "--source", "urn:iledefrance:grants").stdout == ""

    def test_writes_json(self) -> None:
        first, _ = map(json.loads, run_dead_letters("list", "--json").stdout.splitlines())

        assert (first["letter"], first["time"]) == ("0/0", "2019-06-30T12:30:00+00:00")
        assert first["source"] == "urn:iledefrance:lycees"


class TestShow:
    @pytest.mark.parametrize(
        ("form", "person"), [((), PERSON), (("--json",), json.dumps(PERSON))], ids=["text", "json"]
    )
    def test_masks_what_may_be_a_person_s(self, form: tuple[str, ...], person: str) -> None:
        assert person not in run_dead_letters("show", "0/0", "0/1", *form).stdout
        assert person in run_dead_letters("show", "0/0", "--unmask", *form).stdout

    def test_reports_a_position_without_a_letter(self) -> None:
        result = run_dead_letters("show", "0/9")

        assert (result.exit_code, result.stderr) == (
            1,
            (
                "0/9: no such dead letter, a later one of its record, or not selected:"
                " `dead-letters list` shows all, each with its state\n"
            ),
        )


REGISTERED = "fr.iledefrance.smartregion.school.registered.v1"


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        # Each read as no letter.
        ("list --type school.regisered", "write 'school.registered'"),
        (f"list --type {REGISTERED.replace('ered', 'erd')}", f"write '{REGISTERED}'"),
        ("list --type ''", "write one of "),
        ("list --since 2020-01-02 --until 2020-01-01", "give two times in order"),
        ("list --reason invalid", "invalid_json"),
        ("show 9", "write it as 0/17"),
        # All letters are discarded by --all, never by default.
        ("discard --because essai", "or --all"),
        ("discard 0/1", "--because"),
        ("discard --all --because ' '", "is blank"),
        ("pass-over smartregion.schools/3/42 --because ' '", "is blank"),
    ],
)
def test_a_wrong_call_is_refused_with_its_remedy(
    writer: FakeWriter, command: str, remedy: str
) -> None:
    result = run_dead_letters(*shlex.split(command))

    assert result.exit_code == 2
    assert remedy in result.stderr
    assert not writer.sent


class TestReplay:
    def test_sends_what_is_valid_and_reports_the_rest(self, writer: FakeWriter) -> None:
        result = run_dead_letters("replay")

        assert result.exit_code == 1
        assert result.stdout == "1 sent again, 1 still refused, 0 tried too often\n"
        assert "0/1 still refused: not_a_cloudevent" in result.stderr
        assert PERSON not in result.stderr
        assert [one.topic for one in records(writer)].count("smartregion.schools") == 1
        assert [line.split()[1] for line in run_dead_letters("list").stdout.splitlines()] == [
            "replayed(1)",
            "waiting(1)",
        ]
        # Done twice it sends nothing more.
        assert run_dead_letters("replay", "--type", "school.registered").exit_code == 0
        assert [one.topic for one in records(writer)].count("smartregion.schools") == 1

    def test_gives_up_after_the_given_number_of_attempts(self) -> None:
        run_dead_letters("replay", "0/1")

        result = run_dead_letters("replay", "0/1", "--max-attempts", "1")

        assert result.exit_code == 1
        assert result.stderr == "0/1 left alone: tried once; --max-attempts 2 tries it again\n"

    def test_what_came_back_meanwhile_still_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A worker that was not updated refused it before all dead letters were read."""
        counts = ReplayCounts(sent=1, came_back=1)
        monkeypatch.setattr("operations.dead_letters.replay.Replay.run", lambda *_: counts)

        result = run_dead_letters("replay")

        assert (result.exit_code, result.stdout[:12]) == (1, "1 sent again")
        assert result.stderr == "1 record refused again already: update the workers first\n"

    def test_a_dry_run_sends_nothing(self, writer: FakeWriter) -> None:
        assert run_dead_letters("replay", "0/0", "--dry-run").stdout.startswith(
            "1 would be sent again"
        )
        assert writer.sent == []


class TestDiscard:
    def test_ends_the_waiting_of_letters(self) -> None:
        assert run_dead_letters("discard", "--all", "--because", "essai").stdout == "2 discarded\n"
        assert run_dead_letters("replay").stdout.startswith("0 sent again")
        assert "essai" in run_dead_letters("show", "0/0").stdout

    def test_gives_a_letter_that_is_named_another_reason(self) -> None:
        """The first one may name a person; all that wait are those without."""
        run_dead_letters("discard", "0/0", "--because", f"de {PERSON}")

        again = run_dead_letters("discard", "0/0", "--because", "essai")

        assert (again.exit_code, again.stdout) == (0, "1 discarded\n")
        assert "essai" in run_dead_letters("show", "0/0").stdout
        assert run_dead_letters("discard", "--all", "--because", "x").stdout == "1 discarded\n"

    def test_leaves_the_reason_of_an_erasure(self) -> None:
        """By it a replay knows what it may not send."""
        run_dead_letters("discard", "0/0", "--because", ERASED)

        again = run_dead_letters("discard", "0/0", "--because", "essai")

        assert (again.exit_code, again.stdout) == (1, "0 discarded\n")
        assert run_dead_letters("replay", "0/0", "--state", "discarded").exit_code == 1
