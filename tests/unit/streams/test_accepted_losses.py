"""Accepted losses, on the ledger of outcomes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.last_record import LastRecord
from events.topics import DEAD_LETTER_OUTCOMES
from operations.dead_letters.ledger import join_entries
from streams.accepted_losses import AcceptedLoss, loss_record, losses_of
from streams.skipped_records import decisions_of
from tests.support.letters import arrived
from tests.support.records import FakeRecord

SCHOOLS = "smartregion.schools"
LAST = LastRecord(offset=471, timestamp=1_700_000_000_000, key=7)
LOSS = AcceptedLoss(
    topic=SCHOOLS,
    partition=3,
    last=LAST,
    log_start=5,
    gaps=((10, 12),),
    at=datetime(2026, 1, 2, tzinfo=UTC),
    because="the disk failed",
)
STARTED = LOSS.model_copy(update={"last": None, "log_start": 9})


def test_losses_are_read_back() -> None:
    """All of a partition, although compaction keeps the last record of each key."""
    records = [loss_record(LOSS), loss_record(STARTED), loss_record(LOSS)]

    assert {record.topic for record in records} == {DEAD_LETTER_OUTCOMES}
    assert len({record.key for record in records}) == 2
    found = losses_of(arrived(records))
    assert {place: set(losses) for place, losses in found.items()} == {
        (SCHOOLS, 3): {LOSS, STARTED}
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (loss_record(LOSS).key, None),
        (loss_record(LOSS).key, b"{"),
        (b"loss/x", loss_record(LOSS.model_copy(update={"topic": "other"})).value),
        (b"smartregion.schools/3/42", loss_record(LOSS).value),
    ],
)
def test_other_records_are_none(key: bytes, value: bytes | None) -> None:
    record = loss_record(LOSS)._replace(key=key, value=value)

    assert losses_of(arrived([loss_record(LOSS)._replace(key=key), record])) == {}


def test_commands_on_dead_letters_leave_them_out() -> None:
    foreign: list[ValueError] = []
    ledger = arrived([loss_record(LOSS)])

    assert list(join_entries([], ledger, on_foreign_record=foreign.append)) == []
    assert (foreign, decisions_of(ledger)) == ([], {})


def test_an_acceptance_covers_what_was_missing_and_no_more() -> None:
    assert [LOSS.covers_start(offset) for offset in (0, 5, 6)] == [True, True, False]
    assert [LOSS.covers_gap(*gap) for gap in ((10, 13), (11, 12), (10, 14), (9, 11))] == [
        True,
        True,
        False,
        False,
    ]
    assert LOSS.covers_last(LAST)
    assert not LOSS.covers_last(LAST.model_copy(update={"timestamp": 1_700_000_000_001}))
    assert not STARTED.covers_last(LAST)


def test_a_record_is_known_again_by_offset_timestamp_and_key() -> None:
    """Whatever its value, which an erasure or a replay does not change."""
    record = FakeRecord(SCHOOLS, 0, 3, b"0750001X", b"value", (), 17)

    assert LastRecord.of(record) == LastRecord(offset=3, timestamp=17, key=0x0F10FA15)
    assert LastRecord.of(FakeRecord(SCHOOLS, 0, 3, None, b"", (), 17)).key == 0
