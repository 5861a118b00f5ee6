"""Event ledgers in memory, filled from events without Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count

from broker.stored_record import RawRecord
from events.cloudevent import CloudEvent
from events.record_rules import RULES, RecordRules
from report.ledger import EventLedger
from tests.support.audits import raw_record


@contextmanager
def ledger_of(events: Iterable[CloudEvent]) -> Iterator[EventLedger]:
    """Yield a ledger of some events, in the order in which they arrive; one at a time."""
    with ledger_with(numbered(map(raw_record, events))) as ledger:
        yield ledger


@contextmanager
def ledger_with(records: Iterable[RawRecord], rules: RecordRules = RULES) -> Iterator[EventLedger]:
    """Yield a ledger of some records; one at a time."""
    ledger = _shared()
    ledger.clear()
    ledger.append(records, rules)
    yield ledger


@cache
def _shared() -> EventLedger:
    # To open one takes much longer than to clear it.
    return EventLedger(threads=1)


def numbered(records: Iterable[RawRecord]) -> list[RawRecord]:
    """Give records the offsets that a broker gives: one after the other, from 0 on."""
    offsets: dict[tuple[str, int], count[int]] = {}
    return [
        record._replace(offset=next(offsets.setdefault((record.topic, record.partition), count())))
        for record in records
    ]
