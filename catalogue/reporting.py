"""Reports of indicators: which are needed, when the next is due, and which producers send them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from catalogue.model import Indicator
from catalogue.terms import Term
from events.producers.model import Producer, Producers


def needed_until(indicator: Indicator) -> Mapping[str | None, date]:
    """Return the territories that must be reported, with the day up to which that is needed.

    These are the territories that IndicatorUnreported is about: those held to a target, up to the
    last of their milestones' days, or without a target the Région. `date.max` is without end. Of
    persons only the Région's last report is shown, so the Région stands for all. There is none
    where reports are irregular.
    """
    if indicator.reporting_delay_days is None:
        return {}
    judged = [one for one in indicator.milestones if one.target is not None]
    if not judged:
        return {None: date.max}
    ends: dict[str | None, date] = {}
    for department in indicator.territories:
        held = [one.day or date.max for one in judged if one.holds(department)]
        if held:
            ends[department] = max(held)
    return ends if indicator.publication is None else {None: max(ends.values())}


def due_day(
    indicator: Indicator, department: str | None, last_reported: date | None
) -> date | None:
    """Return the last day on which the next report of a territory is in time.

    From the day after, the indicator is unreported. None where no report is needed any more (see
    `is_stale`: one that is needed up to a milestone's day is still recent enough then), and before
    the first report, which is due at no particular day.
    """
    until, delay = needed_until(indicator).get(department), indicator.reporting_delay_days
    if last_reported is None or until is None or delay is None:
        return None
    due = last_reported + timedelta(days=delay)
    return due if due < until else None


def producers_of(indicator: Indicator, producers: Producers) -> tuple[Producer, ...]:
    """Return the declared producers that may send facts which an indicator counts."""
    return tuple(
        producer
        for producer in producers
        if any(_feeds(producer, term, producers) for term in indicator.measure.terms)
    )


def _feeds(producer: Producer, term: Term, producers: Producers) -> bool:
    """Return whether a producer may report a term's entities: observations have an owner each."""
    ownership = producers.ownership
    return any(
        fact in producer.facts
        and (
            term.entities is None
            or not ownership.owns(fact)
            or any(ownership.owner(fact, entity) == producer.id for entity in term.entities)
        )
        for fact in term.facts
    )
