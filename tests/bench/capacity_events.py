"""Millions of events over five years, of which no more than a block is in memory.

Half of the entities are enrolments that are heard of once. The others are grants and datasets, each
with four events. An event of each kind is encoded once; for the others, what differs is filled in.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer

from events.cloudevent import CloudEvent, EncodedRecord, encode_structured
from events.dataset import DatasetReleased, DatasetUpdated, Licence, Theme, UpdateFrequency
from events.fact import Fact, Family
from events.grant import GrantCall, GrantCommitted, GrantPaid
from events.identifiers import Department
from events.partitioning import partitions_for
from events.topics import topic_name
from events.training import TrainingAudience, TrainingEnrolled, TrainingProgramme
from tests.support.sources import source_of

#: One of so many entities with many events is a dataset, the rest are grants.
GRANTS_PER_DATASET: Final = 4

FIRST_DAY: Final = date(2016, 1, 1)
DAYS: Final = 1_640
"""An entity's first day is one of so many; its last one is half a year later."""
BLOCK_RECORDS: Final = 20_000
BATCH_BYTES: Final = 512 * 1024

_DEPARTMENTS: Final = tuple(one.value.encode() for one in Department)
_SAMPLE_DAY: Final = date(2011, 11, 11)
_SAMPLE_ENTITY: Final = "entity-of-the-sample"
_SAMPLE_DEPARTMENT: Final = Department.PARIS
_SAMPLE_CENTS: Final = 987_654_321


class ManyRecord(NamedTuple):
    family: Family
    record: EncodedRecord


class _Template:
    """The record of a fact, in which entity, day, département and amount are filled in."""

    def __init__(self, fact: Fact) -> None:
        self._family = fact.FAMILY
        recorded = datetime.combine(_SAMPLE_DAY, time(9), UTC) + timedelta(days=2)
        event = CloudEvent("id-of-the-sample", source_of(fact.NAME), recorded, fact)
        _, value, self._headers = encode_structured(event)
        value = value.replace(b"%", b"%%")
        for text, filled in (
            ('"id-of-the-sample"', b'"%(entity)b-%(number)d"'),
            (f'"{recorded:%Y-%m-%dT%H:%M:%SZ}"', b'"%(recorded)bT09:00:%(number)02dZ"'),
            (f'"{_SAMPLE_ENTITY}"', b'"%(entity)b"'),
            (f'"{_SAMPLE_DAY}"', b'"%(day)b"'),
            (f'"department":"{_SAMPLE_DEPARTMENT}"', b'"department":"%(department)b"'),
            (str(_SAMPLE_CENTS), b"%(amount)d"),
        ):
            value = value.replace(text.encode(), filled)
        self._value = value

    def record(self, entity: bytes, number: int, day: int) -> ManyRecord:
        """Return a record of an entity, which it has so many of; days count from the first one."""
        value = self._value % {
            b"entity": entity,
            b"number": number,
            b"day": _text(day),
            b"recorded": _text(day + 2),
            b"department": _DEPARTMENTS[entity[-1] % len(_DEPARTMENTS)],
            # A correction, of an odd number, takes something off.
            b"amount": 100_000 + 100 * day - 5_000 * (number % 2),
        }
        return ManyRecord(self._family, EncodedRecord(entity, value, self._headers))


@lru_cache(maxsize=4096)
def _text(day: int) -> bytes:
    return (FIRST_DAY + timedelta(days=day)).isoformat().encode()


def records_of(entities: int) -> Iterator[ManyRecord]:
    """Yield the records of so many entities, half as many enrolments; five for each two of them.

    Each entity's are in the order of their recording.
    """
    enrolled = [
        _Template(
            TrainingEnrolled(
                enrolment_id=_SAMPLE_ENTITY,
                enrolled_on=_SAMPLE_DAY,
                programme=programme,
                audience=audience,
                department=_SAMPLE_DEPARTMENT,
            )
        )
        for programme in TrainingProgramme
        for audience in TrainingAudience
    ]
    grants = [_grant_templates(call) for call in GrantCall]
    datasets = [_dataset_templates(theme) for theme in Theme]
    for number in range(entities // 2):
        # 7 919 is a prime: neighbours are far from each other in time.
        day = number * 7_919 % DAYS
        yield enrolled[number % len(enrolled)].record(b"enrolment-%09d" % number, 0, day)
        is_dataset = number % GRANTS_PER_DATASET == 0
        kinds, name = (datasets, b"dataset-%09d") if is_dataset else (grants, b"grant-%09d")
        templates = kinds[number // GRANTS_PER_DATASET % len(kinds)]
        for each, (template, later) in enumerate(templates):
            yield template.record(name % number, each, day + later)


def _grant_templates(call: GrantCall) -> list[tuple[_Template, int]]:
    """Return the facts of a grant, each with its days after the first: two, both corrected."""
    granted: dict[str, Any] = {
        "grant_id": _SAMPLE_ENTITY,
        "call": call,
        "siret": "23750007900312",
        "amount_cents": _SAMPLE_CENTS,
        "department": _SAMPLE_DEPARTMENT,
    }
    committed = _Template(GrantCommitted(committed_on=_SAMPLE_DAY, **granted))
    paid = _Template(GrantPaid(paid_on=_SAMPLE_DAY, **granted))
    return [(committed, 0), (committed, 0), (paid, 180), (paid, 180)]


def _dataset_templates(theme: Theme) -> list[tuple[_Template, int]]:
    """Return the facts of a dataset: its release, and three updates."""
    released = _Template(
        DatasetReleased(
            dataset_id=_SAMPLE_ENTITY,
            released_on=_SAMPLE_DAY,
            title="Jeu de données",
            theme=theme,
            publisher="Région Île-de-France",
            licence=Licence.OPEN_LICENCE,
            update_frequency=UpdateFrequency.QUARTERLY,
        )
    )
    updated = _Template(DatasetUpdated(dataset_id=_SAMPLE_ENTITY, updated_on=_SAMPLE_DAY))
    return [(released, 0), (updated, 60), (updated, 120), (updated, 180)]


def send_records(bootstrap: str, records: Iterable[ManyRecord], *, partitions: int) -> int:
    """Put records on the topics of their families, as fast as it goes; return how many they are."""
    return asyncio.run(_send(bootstrap, iter(records), partitions))


async def _send(bootstrap: str, records: Iterator[ManyRecord], partitions: int) -> int:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=BATCH_BYTES, acks="all")
    await producer.start()
    open_batches: dict[tuple[Family, int], Any] = {}
    sent = 0
    try:
        while block := list(islice(records, BLOCK_RECORDS)):
            homes = partitions_for([record.key for _, record in block], partitions)
            by_home: dict[tuple[Family, int], list[EncodedRecord]] = defaultdict(list)
            for (family, record), home in zip(block, homes, strict=True):
                by_home[family, home].append(record)
            for family_home, of_home in by_home.items():
                await _add(producer, open_batches, family_home, of_home)
            sent += len(block)
        for (family, partition), batch in open_batches.items():
            await producer.send_batch(batch, topic_name(family), partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
    return sent


async def _add(
    producer: Any,  # noqa: ANN401 - untyped client
    open_batches: dict[tuple[Family, int], Any],
    home: tuple[Family, int],
    records: Iterable[EncodedRecord],
) -> None:
    for key, value, headers in records:
        batch = open_batches.get(home)
        added = None
        if batch is not None:
            added = batch.append(timestamp=None, key=key, value=value, headers=headers)
            if added is None:
                family, partition = home
                await producer.send_batch(batch, topic_name(family), partition=partition)
        if added is None:
            open_batches[home] = batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=headers)
