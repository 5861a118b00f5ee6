"""Decisions to skip records, on the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.dead_letters import RecordOrigin
from events.errors import RefusalReason
from events.topics import DEAD_LETTER_OUTCOMES
from operations.dead_letters.entry import EntryStatus
from operations.dead_letters.ledger import join_entries
from streams.skipped_records import (
    Decision,
    decision_record,
    decisions_of,
    parse_origin,
    refusal_of,
)
from tests.support.letters import arrived, refused

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORIGIN = RecordOrigin("smartregion.schools", 3, 42)
DECISION = Decision(at=NOW, because="it kills")


def test_a_decision_is_read_back() -> None:
    record = decision_record(ORIGIN, because="it kills", at=NOW)

    assert (record.topic, record.key) == (DEAD_LETTER_OUTCOMES, b"smartregion.schools/3/42")
    assert decisions_of(arrived([record])) == {ORIGIN: DECISION}


def test_a_tombstone_ends_a_decision() -> None:
    record = decision_record(ORIGIN, because="it kills", at=NOW)

    assert decisions_of(arrived([record, record._replace(value=None)])) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"{}"),
        (b"0/17", b"{}"),
        (b"smartregion.schools/3", b"{}"),
        (b"smartregion.schools/3/42", b"{"),
        (b"smartregion.schools/3/42", b'{"verdict":"replayed"}'),
        (b"smartregion.\xff/3/42", b"{}"),
    ],
)
def test_other_records_are_no_decisions(key: bytes | None, value: bytes) -> None:
    record = decision_record(ORIGIN, because="x", at=NOW)._replace(key=key, value=value)

    assert decisions_of(arrived([record])) == {}


@pytest.mark.parametrize(
    "text", ["", "3/42", "other/3/42", "smartregion.schools/3/x", "smartregion.schools/-1/2"]
)
def test_an_origin_is_on_an_event_topic(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it as smartregion\.schools/3/42"):
        parse_origin(text)


def test_the_ledger_of_outcomes_may_have_it() -> None:
    letter = refused(refusal_of(DECISION))
    foreign: list[ValueError] = []
    ledger = arrived([decision_record(ORIGIN, because="it kills", at=NOW)])

    [entry] = join_entries(arrived([letter]), ledger, on_foreign_record=foreign.append)

    assert foreign == []
    assert (entry.letter.reason, entry.status) == (RefusalReason.PASSED_OVER, EntryStatus.DISCARDED)
