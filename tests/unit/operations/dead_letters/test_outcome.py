"""Records of the ledger."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dead_letters import RefusedRecords
from events.topics import DEAD_LETTER_OUTCOMES
from operations.dead_letters.outcome import (
    OutcomeKind,
    ReplayOutcome,
    outcome_to_record,
    read_outcome,
)
from tests.support.letters import REFUSED_AT, arrived, letter_of
from tests.support.records import FakeRecord

moments = st.datetimes(timezones=st.just(UTC))


@given(
    outcome=st.builds(
        ReplayOutcome,
        verdict=st.sampled_from(OutcomeKind),
        attempts=st.integers(0, 10**6),
        at=moments,
        refused_at=moments,
        because=st.none() | st.text(),
        left=st.none() | st.just(((1, 2),)),
        records=st.none() | st.just(RefusedRecords("smartregion.schools", 3, ((1, 9),), (7, 8))),
    )
)
def test_outcomes_are_read_as_they_were_written(outcome: ReplayOutcome) -> None:
    letter = letter_of(position=17)
    sent = outcome_to_record(letter, outcome)

    assert (sent.topic, sent.key) == (DEAD_LETTER_OUTCOMES, b"0/17")
    assert read_outcome(arrived([sent])[0]) == (letter.position, outcome)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        (None, b"{}", "key: position: is not PARTITION/OFFSET"),
        (b"\xff", b"{}", "key: "),
        (b"0/17", None, "value: "),
        (b"0/17", b"{}", "verdict: Field required"),
        (b"0/17", b'{"verdict":"lost"}', "verdict: "),
    ],
)
def test_records_of_others_are_errors(key: bytes | None, value: bytes | None, problem: str) -> None:
    record = FakeRecord(DEAD_LETTER_OUTCOMES, 0, 5, key, value)

    with pytest.raises(ValueError, match=problem):
        read_outcome(record)


def test_outcomes_are_json() -> None:
    outcome = ReplayOutcome(
        verdict=OutcomeKind.DISCARDED,
        attempts=0,
        at=REFUSED_AT,
        refused_at=REFUSED_AT,
        because="essai",
    )

    assert outcome_to_record(letter_of(), outcome).value == (
        b'{"verdict":"discarded","attempts":0,"at":"2019-06-30T12:30:00Z",'
        b'"refused_at":"2019-06-30T12:30:00Z","because":"essai"}'
    )
