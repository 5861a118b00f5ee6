"""Two methods, one figure: whatever is sent, the worker's /metrics and the audit agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from audit.comparison import compare_exposed
from audit.exposed import Exposed, parse_metrics
from audit.recount import audit_records
from boundary.web import registry_of
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from streams.exposition import WorkerCollector, WorkerStatus
from streams.histories import histories_of
from streams.meters import Meters
from streams.state_store import StateStore
from tests.support.audits import INDICATOR, catalogue_of, raw_record
from tests.support.histories import DAYS, deliveries, histories
from tests.support.measures import MEASURES, OFFSETS
from tests.support.records import PARTITIONS, apply_events


def shown(
    catalogue: Catalogue, family: Family, batches: Sequence[Sequence[CloudEvent]], as_of: date
) -> Exposed:
    state_store = apply_events(StateStore(catalogue.terms), family, batches)
    status = WorkerStatus(
        as_of, ready=True, partitions_expected=PARTITIONS, shown=range(PARTITIONS), lag={}
    )
    exposition = WorkerCollector(catalogue, state_store, Meters(), lambda: status)
    return parse_metrics("worker", generate_latest(registry_of(exposition)).decode())


@pytest.mark.slow
@pytest.mark.parametrize("family", Family)
@given(data=st.data())
def test_the_worker_and_the_audit_agree(family: Family, data: st.DataObject) -> None:
    history = data.draw(histories(family))
    batches = data.draw(deliveries(history))
    measure, fields = data.draw(st.sampled_from(MEASURES[family]))
    day = date.fromisoformat(data.draw(st.sampled_from(DAYS)))
    as_of = date.fromordinal(day.toordinal() + data.draw(st.sampled_from(OFFSETS)))
    catalogue = catalogue_of(measure, **fields)

    audit = audit_records(map(raw_record, history), catalogue, as_of)
    comparison = compare_exposed(audit, [shown(catalogue, family, batches, as_of)])

    assert comparison.differences == ()
    assert comparison.compared > 0


#: Of persons the audit has counts, but no history to judge by.
JUDGED = [family for family in Family if not family.about_persons]


@pytest.mark.parametrize("family", JUDGED)
@given(data=st.data())
def test_a_recounted_history_moves_as_the_workers_does(family: Family, data: st.DataObject) -> None:
    """The same reports and the same values, so that one judge says the same of both."""
    history = data.draw(histories(family))
    batches = data.draw(deliveries(history))
    measure, fields = data.draw(st.sampled_from(MEASURES[family]))
    catalogue = catalogue_of(measure, **fields)
    as_of = date.fromisoformat(data.draw(st.sampled_from(DAYS)))

    recounted = audit_records(map(raw_record, history), catalogue, as_of).histories
    held = histories_of(apply_events(StateStore(catalogue.terms), family, batches), catalogue)

    for department in catalogue.indicator(INDICATOR).territories:
        ours, theirs = recounted[INDICATOR, department], held[INDICATOR, department]
        assert ours.reports == tuple(day for day in theirs.reports if day <= as_of)
        for day in (*ours.numerator.days, *theirs.numerator.days, as_of):
            moment = min(day, as_of)
            assert ours.value(moment) == theirs.value(moment)
            assert ours.last_change(moment) == theirs.last_change(moment)
