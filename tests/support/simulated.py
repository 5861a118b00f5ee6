"""A complete simulation: what was sent, and what is known once everything has arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from events.cloudevent import CloudEvent, decode_json
from events.fact import Fact
from simulation.emitter import RecordKind, SimulatedRecord
from simulation.simulator import simulate

AnyFact = TypeVar("AnyFact", bound=Fact)


@dataclass(frozen=True)
class Story:
    """A simulation's records, its valid events, and what is known at its end.

    `known` holds, for each entity, fact and effective day, the one recorded last, unless retracted.
    """

    records: list[SimulatedRecord]
    events: list[tuple[SimulatedRecord, CloudEvent]]
    known: list[Fact]

    def facts(self, kind: type[AnyFact]) -> list[AnyFact]:
        found = [fact for fact in self.known if isinstance(fact, kind)]
        return sorted(found, key=lambda fact: fact.effective_day)

    def latest(self, kind: type[AnyFact]) -> dict[str, AnyFact]:
        return {fact.entity_id: fact for fact in self.facts(kind)}


def read_story(seed: int) -> Story:
    records = list(simulate(seed))
    events = [
        (record, decode_json(record.line))
        for record in records
        if record.kind is not RecordKind.INVALID
    ]
    cells: dict[tuple[str, str, date], CloudEvent] = {}
    for _, event in sorted(events, key=lambda sent: (sent[1].time, sent[1].source, sent[1].id)):
        cells[event.fact.entity_id, event.type, event.fact.effective_day] = event
    facts = [event.fact for event in cells.values() if not event.fact.retracted]
    return Story(records, events, facts)
