"""Kafka records without Kafka, and the processing of events into a state store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from events.cloudevent import CloudEvent, EncodedRecord, encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules
from events.topics import topic_name
from streams.merging import Result, merge_records
from streams.state_store import StateStore

PARTITIONS = 3
LONG_AFTER: Final = 253_402_300_799_999
"""A broker's timestamp later than the time of any event: the end of the year 9999."""

_offsets = count()


@dataclass(frozen=True)
class FakeRecord:
    """A record as returned by a consumer."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = LONG_AFTER


def record_of(
    event: CloudEvent,
    *,
    partition: int | None = None,
    partitions: int = PARTITIONS,
    encode: Callable[[CloudEvent], EncodedRecord] = encode_structured,
) -> FakeRecord:
    """Return the record of an event, on its own partition unless another is given."""
    encoded = encode(event)
    home = partition_for(encoded.key, partitions)
    return FakeRecord(
        topic=topic_name(event.fact.FAMILY),
        partition=home if partition is None else partition,
        offset=next(_offsets),
        key=encoded.key,
        value=encoded.value,
        headers=encoded.headers,
    )


def refused_record(family: Family, partition: int, *, value: bytes = b"{}") -> FakeRecord:
    return FakeRecord(topic_name(family), partition, next(_offsets), b"key", value)


def processed(
    state_store: StateStore, family: Family, batch: Iterable[CloudEvent], rules: RecordRules = RULES
) -> list[tuple[int, Result]]:
    """Process a batch's events with the core, partition by partition, without applying changes."""
    records = [record_of(event) for event in batch]
    return [
        (
            partition,
            merge_records(
                [record for record in records if record.partition == partition],
                state_store.states(family, partition),
                family=family,
                partition=partition,
                partitions=PARTITIONS,
                rules=rules,
            ),
        )
        for partition in range(PARTITIONS)
    ]


def apply_events(
    state_store: StateStore,
    family: Family,
    batches: Iterable[Iterable[CloudEvent]],
    rules: RecordRules = RULES,
) -> StateStore:
    for batch in batches:
        for partition, result in processed(state_store, family, batch, rules):
            state_store.put(family, partition, result.changed)
    return state_store
