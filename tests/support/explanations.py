"""Explanations of milestones, and the simulated years with some of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalogue.explanations import Explanations
from events.cloudevent import CloudEvent
from events.fact import Family
from events.milestone import MilestoneExplained
from report.knowledge import Knowledge
from streams.explanations import explanations_of
from streams.state_store import StateStore
from tests.support.histories import event
from tests.support.knowledge import knowledge, shipped
from tests.support.records import apply_events


def explained(day: str, text: str = "Les travaux ont pris du retard.", **fields: Any) -> CloudEvent:
    """Return an event that explains the connection of all lycées, unless said otherwise."""
    told = {"territory": "R11", "kind": "cause", "milestone": "all_connected", "text": text}
    indicator = fields.pop("indicator", "schools_connected_ratio")
    return event(MilestoneExplained.NAME, indicator, day, **{**told, **fields})


def explanations_from(events: Iterable[CloudEvent]) -> Explanations:
    state_store = StateStore(())
    apply_events(state_store, Family.EXPLANATIONS, [list(events)])
    return explanations_of(state_store)


def known_with(*events: CloudEvent) -> Knowledge:
    """Return what is known of the simulated years, with only these explanations."""
    known = knowledge()
    return Knowledge(
        shipped(), known.histories, known.parts, explanations=explanations_from(events)
    )
