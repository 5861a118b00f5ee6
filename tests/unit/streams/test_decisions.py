"""Decisions on the ledger of outcomes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.dead_letters import RecordOrigin
from events.last_record import LastRecord
from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES
from streams.commit_metadata import CommitMetadata, Committed
from streams.decisions import (
    AcceptedLoss,
    Decisions,
    KnownPartition,
    KnownTopic,
    Skip,
    decisions_in,
    loss_record,
    parse_origin,
    partition_record,
    skip_record,
    topic_record,
)
from tests.support.letters import arrived
from tests.support.records import FakeRecord

SCHOOLS = "smartregion.schools"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORIGIN = RecordOrigin(SCHOOLS, 3, 42)
SKIP = Skip(at=NOW, because="it kills")
SKIPPED = skip_record(ORIGIN, because="it kills", at=NOW)
LAST = LastRecord(offset=471, timestamp=1_700_000_000_000, key=7)
LOSS = AcceptedLoss(
    topic=SCHOOLS,
    partition=3,
    last=LAST,
    log_start=5,
    gaps=((10, 12),),
    at=NOW,
    because="the disk failed",
)
STARTED = LOSS.model_copy(update={"last": None, "log_start": 9})
TOPIC = KnownTopic(topic=SCHOOLS, id="an id", at=NOW)
PARTITION = KnownPartition(
    topic=SCHOOLS,
    partition=3,
    id="an id",
    offset=472,
    metadata=CommitMetadata(start=0, last=LAST),
    at=NOW,
)
NEWER = TOPIC.model_copy(update={"id": "another", "because": "it was deleted"})


def test_all_are_read_back_beside_each_other() -> None:
    """All losses of a partition, although compaction keeps the last record of each key."""
    written = [loss_record(LOSS), topic_record(TOPIC), SKIPPED, loss_record(STARTED)]
    written += [topic_record(NEWER), loss_record(LOSS)]

    assert {record.topic for record in written} == {DEAD_LETTER_OUTCOMES}
    assert {record.key for record in (SKIPPED, topic_record(TOPIC))} == {
        b"smartregion.schools/3/42",
        b"topic/smartregion.schools",
    }
    found = decisions_in(arrived(written))
    assert found == Decisions({ORIGIN: SKIP}, {(SCHOOLS, 3): [LOSS, STARTED]}, {SCHOOLS: NEWER})


def test_a_noted_commit_counts_for_the_topic_that_it_was_made_of() -> None:
    later = PARTITION.model_copy(update={"offset": 500})
    found = decisions_in(arrived([partition_record(one) for one in (PARTITION, later)]))

    assert found.topics == {}
    assert found.noted_of({SCHOOLS: "an id"}) == {(SCHOOLS, 3): Committed(500, later.metadata)}
    assert found.noted_of({SCHOOLS: "another"}) == {}


@pytest.mark.parametrize(
    "record", [SKIPPED, loss_record(LOSS), topic_record(TOPIC), partition_record(PARTITION)]
)
@pytest.mark.parametrize("value", [None, b"{", b'{"verdict":"replayed"}'])
def test_a_tombstone_or_foreign_text_ends_a_decision(record: OutgoingRecord, value: bytes) -> None:
    assert decisions_in(arrived([record, record._replace(value=value)])) == Decisions()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, SKIPPED.value),
        (b"0/17", SKIPPED.value),
        (b"smartregion.schools/3", SKIPPED.value),
        (b"smartregion.\xff/3/42", SKIPPED.value),
        (b"smartregion.schools/3/42", loss_record(LOSS).value),
        (b"loss/x", loss_record(LOSS.model_copy(update={"topic": "other"})).value),
    ],
)
def test_other_records_are_none(key: bytes | None, value: bytes) -> None:
    assert decisions_in(arrived([SKIPPED._replace(key=key, value=value)])) == Decisions()


@pytest.mark.parametrize(
    "text", ["", "3/42", "other/3/42", "smartregion.schools/3/x", "smartregion.schools/-1/2"]
)
def test_an_origin_is_on_an_event_topic(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it as smartregion\.schools/3/42"):
        parse_origin(text)


def test_an_acceptance_covers_what_was_missing_and_no_more() -> None:
    assert [LOSS.covers_start(offset) for offset in (0, 5, 6)] == [True, True, False]
    gaps = ((10, 13), (11, 12), (10, 14), (9, 11))
    assert [LOSS.covers_gap(*gap) for gap in gaps] == [True, True, False, False]
    assert LOSS.covers_last(LAST)
    assert not LOSS.covers_last(LAST.model_copy(update={"timestamp": 1_700_000_000_001}))
    assert not STARTED.covers_last(LAST)


def test_a_last_record_is_recognised_by_offset_timestamp_and_key() -> None:
    """Whatever its value, which an erasure or a replay does not change."""
    record = FakeRecord(SCHOOLS, 0, 3, b"0750001X", b"value", (), 17)

    assert LastRecord.of(record) == LastRecord(offset=3, timestamp=17, key=0x0F10FA15)
    assert LastRecord.of(FakeRecord(SCHOOLS, 0, 3, None, b"", (), 17)).key == 0
