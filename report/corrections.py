"""Which figures of past months became others: what was known at the ends of months, compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from catalogue.formatting import NumberFormat
from catalogue.history import Histories, History
from catalogue.model import Catalogue, Indicator
from catalogue.reference_day import month_end_before
from events.record_rules import known_before
from report.ledger import EventLedger
from report.past import knowledge_on
from streams.assessor.judgeable_catalogue import judgeable_catalogue

MONTHS_BACK: Final = 12
"""How many month ends before one are compared."""
_KEPT: Final = 8
"""The number of month ends whose knowledge is kept."""

_KNOWN: Final = "SELECT count(*) FROM event WHERE known < $before"


@dataclass(frozen=True, slots=True)
class Correction:
    """The figure of a month's end, as known at one month's end and at the next, as texts."""

    day: date
    was: str
    became: str


class Corrections:
    """Compares the figures that are not about persons, of whom no ledger has events.

    What was known at a month's end is computed once, in about a second for 20 000 events.
    """

    def __init__(self, ledger: EventLedger, catalogue: Catalogue) -> None:
        self._ledger = ledger
        about_persons = [term for term in catalogue.terms if term.family.about_persons]
        self._catalogue = judgeable_catalogue(catalogue, about_persons)
        self._kept = lru_cache(_KEPT)(self._histories)

    def of(self, indicator: Indicator, department: str | None, until: date) -> Iterator[Correction]:
        """Yield the figures of a territory that became others in the month that ends on a day.

        Only those whose facts were due when the month began: others were not complete.
        """
        if indicator not in self._catalogue.indicators:
            return
        since, figure = month_end_before(until), (indicator.id, department)
        before = self._known_on(since).get(figure, History())
        after = self._known_on(until).get(figure, History())
        due = since - timedelta(days=indicator.availability_delay_days)
        text = NumberFormat.of(indicator).text
        for months in range(MONTHS_BACK, 0, -1):
            day = month_end_before(until, months=months)
            was, became = before.value(day), after.value(day)
            if day > due or was is None or became is None:
                continue
            if text(float(was)) != text(float(became)):
                yield Correction(day, text(float(was)), text(float(became)))

    def _known_on(self, day: date) -> Histories:
        ((events,),) = self._ledger.query(_KNOWN, {"before": known_before(day)})
        return self._kept(day, events)

    def _histories(self, day: date, _events: int) -> Histories:
        return knowledge_on(self._ledger, (), self._catalogue, day).histories
