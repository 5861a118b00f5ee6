"""Lines of the ledger."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.topics import DEAD_LETTER_OUTCOMES
from operations.dead_letters.outcome import (
    NotASettlementError,
    Settlement,
    Verdict,
    read_settlement,
    settlement_record,
)
from tests.support.letters import REFUSED_AT, arrived, letter_of
from tests.support.records import FakeRecord

moments = st.datetimes(timezones=st.just(UTC))


@given(
    settlement=st.builds(
        Settlement,
        verdict=st.sampled_from(Verdict),
        attempts=st.integers(0, 10**6),
        at=moments,
        refused_at=moments,
        because=st.none() | st.text(),
    )
)
def test_are_read_as_they_were_written(settlement: Settlement) -> None:
    """Under the letter's place, on the ledger's topic."""
    letter = letter_of(place=17)
    sent = settlement_record(letter, settlement)

    assert (sent.topic, sent.key) == (DEAD_LETTER_OUTCOMES, b"0/17")
    assert read_settlement(arrived([sent])[0]) == (letter.place, settlement)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        (None, b"{}", "key: place: is not PARTITION/OFFSET"),
        (b"\xff", b"{}", "key: "),
        (b"0/17", None, "value: "),
        (b"0/17", b"{}", "verdict: Field required"),
        (b"0/17", b'{"verdict":"lost"}', "verdict: "),
    ],
)
def test_of_others_are_told(key: bytes | None, value: bytes | None, problem: str) -> None:
    """The topic may be written by others."""
    record = FakeRecord(DEAD_LETTER_OUTCOMES, 0, 5, key, value)

    with pytest.raises(NotASettlementError, match=problem):
        read_settlement(record)


def test_are_small_and_plain() -> None:
    """Any tool can read them."""
    settlement = Settlement(
        verdict=Verdict.DISCARDED, attempts=0, at=REFUSED_AT, refused_at=REFUSED_AT, because="essai"
    )

    assert settlement_record(letter_of(), settlement).value == (
        b'{"verdict":"discarded","attempts":0,"at":"2019-06-30T12:30:00Z",'
        b'"refused_at":"2019-06-30T12:30:00Z","because":"essai"}'
    )
