"""Event ledgers in memory, filled from events without Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from itertools import count

from broker.stored_record import RawRecord
from events.cloudevent import CONTENT_TYPE, STRUCTURED, CloudEvent
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules
from events.topics import DEFAULT_PARTITIONS, topic_name
from report.ledger import EventLedger
from simulation.simulator import simulate
from tests.support.audits import raw_record


@contextmanager
def ledger_of(events: Iterable[CloudEvent]) -> Iterator[EventLedger]:
    """Yield a ledger of events, in order of arrival; only one ledger may be open at a time."""
    with ledger_with(numbered(map(raw_record, events))) as ledger:
        yield ledger


@contextmanager
def ledger_with(records: Iterable[RawRecord], rules: RecordRules = RULES) -> Iterator[EventLedger]:
    """Yield a ledger of records; only one ledger may be open at a time."""
    ledger = _shared()
    ledger.clear()
    ledger.append(records, rules)
    yield ledger


@cache
def _shared() -> EventLedger:
    # Opening a ledger takes much longer than clearing it.
    return EventLedger(threads=1)


def numbered(records: Iterable[RawRecord]) -> list[RawRecord]:
    """Number records as a broker does: with consecutive offsets from 0 on."""
    offsets: dict[tuple[str, int], count[int]] = {}
    return [
        record._replace(offset=next(offsets.setdefault((record.topic, record.partition), count())))
        for record in records
    ]


def simulated_years(seed: int, end: date = date.max) -> list[RawRecord]:
    """Return the records of a simulation as a broker stores them."""
    return numbered(
        RawRecord(
            topic_name(one.family),
            partition_for(one.key.encode(), DEFAULT_PARTITIONS),
            0,
            one.key.encode(),
            one.line.encode(),
            [(CONTENT_TYPE, STRUCTURED)],
            round(one.sent.timestamp() * 1000),
        )
        for one in simulate(seed, end=end)
    )
