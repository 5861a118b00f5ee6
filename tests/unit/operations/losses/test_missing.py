"""What is missing of a partition, and what of it was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from boundary.errors import SmartRegionError
from broker.topic_admin import SeenTopic
from events.last_record import LastRecord
from operations.losses.missing import Losses, PartitionLog, unaccepted
from streams.decisions import AcceptedLoss, KnownTopic, decisions_in
from tests.support.letters import arrived
from tests.support.partition_logs import LAST, log_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OTHER = LastRecord(offset=41, timestamp=18, key=7)


def found(
    log: PartitionLog, accepted: Sequence[AcceptedLoss] = (), *, known: KnownTopic | None = None
) -> Losses:
    losses = {(log.topic, log.partition): accepted}
    return unaccepted(log.topic, [log], losses, seen=SeenTopic("now", 1), known=known)


@pytest.mark.parametrize("fields", [{}, {"last": None, "at_last": None}])
def test_nothing_is_missing_of_a_whole_log(fields: dict[str, Any]) -> None:
    with pytest.raises(SmartRegionError, match="all records are there"):
        found(log_of(**fields))


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
    log = log_of(**fields)
    assert list(log.missing()) == [said]
    accepted = [log.accepted(at=NOW, because="the disk failed")]

    with pytest.raises(SmartRegionError, match="its loss is accepted already"):
        found(log, accepted)
    later = LAST.model_copy(update={"offset": 43})
    for more in (
        {"start": log.start + 1},
        {"gaps": (*log.gaps, (20, 21))},
        {"start": 0, "last": later, "at_last": None},
    ):
        assert found(log_of(**fields | more), accepted).logs


def test_a_topic_that_was_created_again_is_named_until_it_is_accepted() -> None:
    log = log_of(last=None, at_last=None)
    known = KnownTopic(topic=log.topic, id="before", at=NOW)
    losses = found(log, known=known)
    assert list(losses.clauses()) == [
        "smartregion.schools was deleted and created again: what it had is lost."
    ]

    noted = decisions_in(arrived(losses.decisions(at=NOW, because="it was deleted"))).topics
    assert noted[log.topic].because == "it was deleted"
    with pytest.raises(SmartRegionError, match="has lost nothing"):
        found(log, known=noted[log.topic])
