"""What is missing of a partition, and what of it was accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from events.last_record import LastRecord
from operations.losses.missing import NothingMissingError, PartitionLog, verify_missing

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LAST = LastRecord(offset=41, timestamp=17, key=7)
OTHER = LastRecord(offset=41, timestamp=18, key=7)


def log_of(**fields: Any) -> PartitionLog:
    """Return a partition that lacks nothing, but for these fields."""
    whole: dict[str, Any] = {
        "topic": "smartregion.schools",
        "partition": 3,
        "start": 0,
        "end": 50,
        "gaps": (),
        "last": LAST,
        "at_last": LAST,
    }
    return PartitionLog(**whole | fields)


@pytest.mark.parametrize("fields", [{}, {"last": None, "at_last": None}])
def test_nothing_is_missing_of_a_whole_log(fields: dict[str, Any]) -> None:
    """Also where the workers have committed nothing."""
    with pytest.raises(NothingMissingError, match="all records are there"):
        verify_missing(log_of(**fields), [])


LOSSES: list[tuple[dict[str, Any], str]] = [
    ({"start": 7}, "all records before offset 7 were deleted"),
    (
        {"gaps": ((8, 8), (10, 12))},
        "4 records in the middle were deleted, the first at offsets 8 to 8",
    ),
    ({"end": 30, "at_last": None}, "the workers had read it up to offset 41"),
    (
        {"at_last": OTHER},
        "at offset 41 is another record, not the one that the workers merged last",
    ),
    ({"at_last": None}, "at offset 41 is no record, not the one that the workers merged last"),
    ({"start": 45, "at_last": None}, "all records before offset 45 were deleted"),
]


@pytest.mark.parametrize(("fields", "said"), LOSSES)
def test_a_loss_is_named_until_it_is_accepted(fields: dict[str, Any], said: str) -> None:
    """And again once more is lost."""
    log = log_of(**fields)
    assert list(log.missing()) == [said]
    accepted = [log.accepted(at=NOW, because="the disk failed")]

    with pytest.raises(NothingMissingError, match="its loss is accepted already"):
        verify_missing(log, accepted)
    verify_missing(log_of(**fields | {"start": log.start + 1}), accepted)
    verify_missing(log_of(**fields | {"gaps": (*log.gaps, (20, 21))}), accepted)
    later = LAST.model_copy(update={"offset": 43})
    verify_missing(log_of(**fields | {"start": 0, "last": later, "at_last": None}), accepted)
