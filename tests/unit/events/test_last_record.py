"""The identity of the last record that was taken from a partition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from events.last_record import LastRecord
from tests.support.records import FakeRecord

RECORD = FakeRecord("raw", 0, 7, b"key", b"value", timestamp=1_700_000_000_000)


def test_is_the_same_for_the_same_record() -> None:
    """However often it is read."""
    assert LastRecord.of(RECORD) == LastRecord.of(replace(RECORD))


@pytest.mark.parametrize("change", [{"offset": 8}, {"timestamp": 1}, {"key": b"other"}])
def test_tells_records_of_different_logs_apart(change: dict[str, object]) -> None:
    """By offset, broker time and key."""
    other = FakeRecord(**{**vars(RECORD), **change})

    assert LastRecord.of(other) != LastRecord.of(RECORD)


def test_a_record_may_have_no_key() -> None:
    """It is no event, but it has an offset."""
    assert LastRecord.of(replace(RECORD, key=None)).key == 0
