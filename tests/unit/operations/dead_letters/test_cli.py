"""The commands `smart-region dead-letters …`, without a broker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS
from smart_region import main
from tests.support.letters import FakePost, arrived, letter_of, refused, valid_event
from tests.support.records import FakeRecord

PERSON = "Zoé-Üñique"
VALID = refused(
    key=b"k",
    value=letter_of(valid_event(source="urn:iledefrance:lycees", name=PERSON)).value,
    headers=letter_of().headers,
)
BROKEN = refused(value=f'{{"data": {{"commune": "{PERSON}"}}}}'.encode())


class ContextPost(FakePost):
    """A post that is opened and closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def post(monkeypatch: pytest.MonkeyPatch) -> ContextPost:
    """Let the topics hold a valid letter, a broken one, and what was noted; gives what is sent."""
    sending = ContextPost()

    def read(_: str, *, topics: Sequence[str], **__: Any) -> Iterator[FakeRecord]:
        (topic,) = topics
        if topic == DEAD_LETTERS:
            yield from arrived([VALID, BROKEN])
        else:
            notes = [one for sent in sending.sent for one in sent]
            yield from arrived([one for one in notes if one.topic == DEAD_LETTER_OUTCOMES])

    monkeypatch.setattr("operations.dead_letters.ledger.read_topics", read)
    monkeypatch.setattr("broker.topic_admin.verify_topics", lambda *_, **__: None)
    monkeypatch.setattr("broker.writing.KafkaWriter", lambda *_, **__: sending)
    return sending


def office(*arguments: str) -> Result:
    """Run a command through the gateway."""
    return CliRunner().invoke(main, ["dead-letters", *arguments])


def records(post: FakePost) -> list[OutgoingRecord]:
    """Return all that was sent."""
    return [one for sent in post.sent for one in sent]


class TestList:
    """A line for each letter."""

    def test_tells_where_each_came_from_why_and_where_it_stands(self) -> None:
        """With the account on standard error."""
        result = office("list")

        assert result.stdout.splitlines()[0] == (
            "0/0 waiting 2019-06-30 12:30:00 smartregion.schools[3]@42 invalid_data "
            "data.name: breaks the contract of its fact, value <masked>: send a name"
        )
        assert result.stderr.startswith("2 dead letters = 2 waiting + 0 replayed + 0 discarded")

    def test_shows_the_number_of_tries(self) -> None:
        """In brackets, where there was any."""
        office("replay")

        assert [line.split()[1] for line in office("list").stdout.splitlines()] == [
            "replayed(1)",
            "waiting(1)",
        ]

    def test_is_filtered(self) -> None:
        """By what the record says of itself, too."""
        assert len(office("list", "--type", "school.registered").stdout.splitlines()) == 1
        assert office("list", "--source", "urn:iledefrance:grants").stdout == ""

    def test_speaks_json(self) -> None:
        """One object a line."""
        first, _ = map(json.loads, office("list", "--json").stdout.splitlines())

        assert (first["letter"], first["time"]) == ("0/0", "2019-06-30T12:30:00+00:00")
        assert first["source"] == "urn:iledefrance:lycees"

    def test_refuses_a_reason_that_does_not_exist(self) -> None:
        """With those that do."""
        result = office("list", "--reason", "invalid")

        assert result.exit_code == 2
        assert "invalid_json" in result.stderr


class TestShow:
    """One letter whole."""

    @pytest.mark.parametrize(
        ("form", "person"), [((), PERSON), (("--json",), json.dumps(PERSON))], ids=["text", "json"]
    )
    def test_masks_what_may_be_a_person_s(self, form: tuple[str, ...], person: str) -> None:
        """Unless asked not to."""
        assert person not in office("show", "0/0", "0/1", *form).stdout
        assert person in office("show", "0/0", "--unmask", *form).stdout

    def test_keeps_the_structure(self) -> None:
        """The envelope as it was, and of the data what kind of value is where."""
        shown = json.loads(office("show", "0/0", "--json").stdout)

        assert shown["value"]["type"].endswith("school.registered.v1")
        assert shown["value"]["data"]["name"] == "<text>"
        assert shown["headers"] == [["content-type", "application/cloudevents+json"]]

    def test_tells_of_a_letter_that_is_not_there(self) -> None:
        """And fails, for it was asked for."""
        result = office("show", "0/9")

        assert (result.exit_code, result.stderr) == (
            1,
            "0/9: no such letter, or not one of those asked for\n",
        )

    def test_refuses_what_is_no_place(self) -> None:
        """With how to write one."""
        result = office("show", "9")

        assert result.exit_code == 2
        assert "write it as 0/17" in result.stderr


class TestReplay:
    """Sending again."""

    def test_sends_what_is_valid_and_tells_the_rest(self, post: FakePost) -> None:
        """The exit status says that something waits on."""
        result = office("replay")

        assert result.exit_code == 1
        assert result.stdout == "1 sent again, 1 still refused, 0 tried too often\n"
        assert "0/1 still refused: not_a_cloudevent" in result.stderr
        assert PERSON not in result.stderr
        assert [one.topic for one in records(post)].count("smartregion.schools") == 1

    def test_done_twice_sends_nothing_more(self, post: FakePost) -> None:
        """Replay is idempotent."""
        office("replay")
        sent = len([one for one in records(post) if one.topic != DEAD_LETTER_OUTCOMES])

        assert office("replay", "--type", "school.registered").exit_code == 0
        assert len([one for one in records(post) if one.topic != DEAD_LETTER_OUTCOMES]) == sent

    def test_gives_up_after_the_declared_number(self) -> None:
        """And says of which letter."""
        office("replay", "0/1")

        result = office("replay", "0/1", "--max-attempts", "1")

        assert result.exit_code == 1
        assert result.stderr == "0/1 left alone: tried 1 times\n"

    def test_can_only_say_what_it_would_do(self, post: FakePost) -> None:
        """A dry run neither sends nor notes."""
        assert office("replay", "0/0", "--dry-run").stdout.startswith("1 would be sent again")
        assert post.sent == []


class TestDiscard:
    """Letting go."""

    def test_wants_to_know_which(self, post: FakePost) -> None:
        """All letters are let go by saying so, never by leaving something out."""
        result = office("discard", "--because", "essai")

        assert result.exit_code == 2
        assert "or --all" in result.stderr
        assert post.sent == []

    def test_wants_to_know_why(self) -> None:
        """Somebody will ask."""
        assert office("discard", "0/1").exit_code == 2

    def test_takes_letters_out_of_the_waiting(self) -> None:
        """No replay takes them up, and the reason is told."""
        assert office("discard", "--all", "--because", "essai").stdout == "2 discarded\n"
        assert office("replay").stdout.startswith("0 sent again")
        assert "essai" in office("show", "0/0").stdout
