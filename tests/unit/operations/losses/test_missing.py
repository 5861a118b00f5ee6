"""What is missing of a partition, and what of it was accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from boundary.errors import SmartRegionError
from events.last_record import LastRecord
from operations.losses.missing import Losses, PartitionLog, Place, unaccepted
from streams.decisions import AcceptedLoss, KnownTopic, decisions_in
from streams.topic_faults import recreated
from tests.support.letters import arrived
from tests.support.partition_logs import LAST, log_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GRANTS = "smartregion.grants"
IDS = {GRANTS: "now", "smartregion.schools": "now"}
KNOWN = {name: KnownTopic(topic=name, id=identity, at=NOW) for name, identity in IDS.items()}
OTHER = LastRecord(offset=41, timestamp=18, key=7)


def found(
    log: PartitionLog, accepted: Sequence[AcceptedLoss] = (), *, known: Mapping[str, KnownTopic]
) -> Losses:
    losses = {(log.topic, log.partition): accepted}
    new = recreated(IDS, known, is_read=True)
    return unaccepted(Place(log.topic), [log], losses, ids=IDS, new=new)


@pytest.mark.parametrize("fields", [{}, {"last": None, "at_last": None}])
def test_nothing_is_missing_of_a_whole_log(fields: dict[str, Any]) -> None:
    with pytest.raises(SmartRegionError, match="all records are there"):
        found(log_of(**fields), known=KNOWN)


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
        found(log, accepted, known=KNOWN)
    later = LAST.model_copy(update={"offset": 43})
    for more in (
        {"start": log.start + 1},
        {"gaps": (*log.gaps, (20, 21))},
        {"start": 0, "last": later, "at_last": None},
    ):
        assert found(log_of(**fields | more), accepted, known=KNOWN).logs


def test_a_topic_that_was_created_again_is_named_until_it_is_accepted() -> None:
    log = log_of(last=None, at_last=None)
    before = KNOWN[log.topic].model_copy(update={"id": "before"})
    losses = found(log, known={**KNOWN, log.topic: before})
    assert list(losses.clauses()) == [
        "smartregion.schools was deleted and created again: what it had is lost."
    ]

    noted = decisions_in(arrived(losses.decisions(at=NOW, because="it was deleted"))).topics
    assert {name: one.because for name, one in noted.items()} == {log.topic: "it was deleted"}
    with pytest.raises(SmartRegionError, match="has lost nothing"):
        found(log, known={**KNOWN, **noted})


def test_accepting_a_lost_ledger_accepts_all_topics_as_they_are() -> None:
    losses = found(log_of(start=7), known={})
    ledger, log = losses.clauses()
    assert "smartregion.dead-letter-outcomes was deleted and created again" in ledger
    assert "all records before offset 7 were deleted" in log

    noted = decisions_in(arrived(losses.decisions(at=NOW, because="it was deleted")))
    assert {name: one.id for name, one in noted.topics.items()} == IDS
    assert [*noted.losses] == [("smartregion.schools", 3)]
