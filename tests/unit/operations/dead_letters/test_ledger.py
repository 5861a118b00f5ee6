"""The letters joined with the ledger."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from boundary.errors import SmartRegionError
from broker.settings import load_broker_settings
from events.dead_letters import DeadLetter, RecordOrigin, read_dead_letter
from events.errors import RefusalReason
from events.fact import Family
from events.records import OutgoingRecord
from events.topics import topic_name
from operations.dead_letters import ledger
from operations.dead_letters.entry import Entry, EntryStatus
from operations.dead_letters.ledger import join_entries, verify_written
from operations.dead_letters.outcome import OutcomeKind, ReplayOutcome, outcome_to_record
from streams.decisions import skip_record
from tests.support.letters import REFUSED_AT, arrived, refused

WRITTEN = [refused(offset=offset) for offset in range(3)]
READ = [read_dead_letter(record) for record in arrived(WRITTEN)]


def fail(error: ValueError) -> None:
    raise error


def replayed(letter: DeadLetter) -> OutgoingRecord:
    outcome = ReplayOutcome(
        verdict=OutcomeKind.REPLAYED, attempts=1, at=REFUSED_AT, refused_at=letter.time
    )
    return outcome_to_record(letter, outcome)


def read(letters: list[OutgoingRecord], ledger: list[OutgoingRecord]) -> list[Entry]:
    return list(join_entries(arrived(letters), arrived(ledger), on_foreign_record=fail))


def test_a_letter_has_the_decision_on_its_record() -> None:
    """As long as it holds: one that was taken back lets the record be sent again."""
    origin = READ[0].origin
    decision = skip_record(origin, because="it kills", at=REFUSED_AT)

    (letter,) = read(WRITTEN[:1], [decision])
    assert letter.status is EntryStatus.DISCARDED
    assert letter.barred is not None
    assert letter.barred.reason is RefusalReason.PASSED_OVER

    (letter,) = read(WRITTEN[:1], [decision, decision._replace(value=None)])
    assert (letter.status, letter.barred) == (EntryStatus.WAITING, None)


def test_an_outcome_of_a_deleted_topic_s_letter_is_ignored() -> None:
    """A topic that was created anew counts its offsets from 0."""
    before = replace(READ[0], time=REFUSED_AT - timedelta(days=100))

    (entry,) = read(WRITTEN[:1], [replayed(before)])

    assert entry.status is EntryStatus.WAITING


def test_records_of_others_are_reported_and_left_out() -> None:
    foreign: list[ValueError] = []
    record = OutgoingRecord("t", None, b"k", b"v", ())

    entries = list(
        join_entries(
            arrived([record, refused()]),
            arrived([record, replayed(READ[1])]),
            on_foreign_record=foreign.append,
        )
    )

    assert [entry.status for entry in entries] == [EntryStatus.REPLAYED]
    assert len(foreign) == 2


SCHOOLS, GRANTS = topic_name(Family.SCHOOLS), topic_name(Family.GRANTS)
END = 42


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        (RecordOrigin(SCHOOLS, 7, END - 1), None),
        (RecordOrigin(SCHOOLS, 7, END), f"the partition ends at {END}"),
        (RecordOrigin(SCHOOLS, 8, 0), "no such partition"),
        (RecordOrigin(GRANTS, 0, 0), "no such partition"),
    ],
)
def test_only_a_record_that_was_written_may_be_passed_over(
    origin: RecordOrigin, problem: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip of the hand would have an event refused that is sent later."""
    seen = {SCHOOLS: SimpleNamespace(partitions=8)}
    monkeypatch.setattr(ledger, "administering", lambda *_, **__: nullcontext())
    monkeypatch.setattr("broker.topic_admin.seen_topics", lambda *_: seen)
    monkeypatch.setattr(ledger, "partition_offsets", lambda _, at, __: dict.fromkeys(at, END))
    origins = [RecordOrigin(SCHOOLS, 0, 0), origin]

    if problem is None:
        verify_written(load_broker_settings(), origins)
        return
    with pytest.raises(SmartRegionError, match=problem):
        verify_written(load_broker_settings(), origins)
