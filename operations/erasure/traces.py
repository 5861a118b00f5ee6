"""The records about persons on the event topic, and the events that retract their facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import uuid4

from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.producers.ownership import ERASURE
from events.records import Record
from operations.erasure.persons import Persons
from streams.state import cell_of, newest

__all__ = ["Traces", "find_traces", "retractions"]

_SOON: Final = timedelta(microseconds=1)


@dataclass(slots=True)
class Traces:
    """The records about some persons: number, origins, and the latest event of each fact."""

    records: int = 0
    persons: set[str] = field(default_factory=set)
    partitions: set[int] = field(default_factory=set)
    origins: set[RecordOrigin] = field(default_factory=set)
    latest: dict[tuple[str, str, date], CloudEvent] = field(default_factory=dict)
    """By person, fact and effective day."""


def find_traces(records: Iterable[Record], persons: Persons) -> Traces:
    """Return the traces of some persons among the records of the event topic."""
    traces = Traces()
    for record in records:
        if not persons.concerned_by(record):
            continue
        traces.records += 1
        traces.partitions.add(record.partition)
        traces.origins.add(RecordOrigin(record.topic, record.partition, record.offset))
        event = persons.event_of(record)
        if event is None:
            continue
        fact = event.fact
        traces.persons.add(fact.entity_id)
        key = (fact.entity_id, fact.NAME, fact.effective_day)
        known = traces.latest.get(key)
        cell = cell_of(event)
        if known is None or newest(cell, cell_of(known)) is cell:
            traces.latest[key] = event
    return traces


def retractions(traces: Traces, *, now: datetime) -> list[CloudEvent]:
    """Return the events that retract the facts still in force; each is newer than its fact's."""
    return [
        CloudEvent(
            id=uuid4().hex,
            source=ERASURE,
            time=max(now, event.time + _SOON),
            fact=event.fact.model_copy(update={"retracted": True}),
        )
        for event in traces.latest.values()
        if not event.fact.retracted
    ]
