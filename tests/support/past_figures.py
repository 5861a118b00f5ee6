"""A state store made from events, and the text that a backfill writes from it; no broker."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date

from audit.backfill.series import BackfillSeries, OpenMetricsSpool
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from streams.state_store import StateStore
from tests.support.records import apply_events


def state_store_of(catalogue: Catalogue, events: Sequence[CloudEvent]) -> StateStore:
    state_store = StateStore(catalogue.terms)
    for family in Family:
        apply_events(state_store, family, [[one for one in events if one.fact.FAMILY is family]])
    return state_store


def written(catalogue: Catalogue, state_store: StateStore, days: Sequence[date]) -> str:
    """Return the text that the command writes for these days."""
    past, out = BackfillSeries(catalogue, state_store, days), io.BytesIO()
    with OpenMetricsSpool() as spool:
        for series in (*past.promised(), *past.persons()):
            spool.add(*series)
        for territory in past.judged():
            for series in territory:
                spool.add(*series)
        spool.write(out)
    return out.getvalue().decode()
