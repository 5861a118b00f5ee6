"""Every reader shows the same of every milestone: status, rate, projected day, formatted value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from audit.export.rows import rows_of
from audit.ledger import Ledger
from audit.recount import audit_ledger
from audit.report import audit_document
from boundary.web import registry_of
from catalogue import metrics
from catalogue.formatting import NumberFormat, day_text, progress_text
from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from streams.assessor.assessor import Assessor
from streams.assessor.process import AssessorCollector
from streams.clock import FixedClock
from streams.state_store import StateStore
from tests.support.audits import raw_record
from tests.support.held_histories import HeldHistories
from tests.support.openmetrics import read_openmetrics
from tests.support.past_figures import written
from tests.support.records import apply_events
from tests.support.simulated import read_story

SEED = 1
DAYS = [date(2018, 6, 30), date(2020, 12, 31)]
CATALOGUE = load_catalogue()

Key = tuple[str, str]
"""An indicator, and a département or `region`: each has one milestone in the shipped catalogue."""


class ShownFigure(NamedTuple):
    status: str | None
    value: str
    rate: str
    projected: str | None


def reported(
    indicator: str,
    *,
    status: object,
    value: float | None,
    rate: float | None,
    projected: date | None,
) -> ShownFigure:
    return ShownFigure(
        None if status is None else str(status),
        NumberFormat.of(CATALOGUE.indicator(indicator)).text(value),
        progress_text(rate, CATALOGUE.indicator(indicator)),
        day_text(projected),
    )


PROMISED: Sequence[Key] = [
    (indicator.id, department or metrics.REGION)
    for indicator in CATALOGUE.indicators
    for department in indicator.territories
    for milestone in indicator.milestones
    if milestone.target is not None and milestone.holds(department)
]


def assessor_page(state_store: StateStore, day: date) -> str:
    assessor = Assessor(CATALOGUE, FixedClock(day))
    assessor.step(HeldHistories(state_store))
    return generate_latest(registry_of(AssessorCollector(CATALOGUE, assessor.snapshot))).decode()


def of_metrics(text: str, *, openmetrics: bool = False) -> dict[Key, ShownFigure]:
    families = read_openmetrics(text) if openmetrics else text_string_to_metric_families(text)
    found: dict[str, dict[Key, float]] = {}
    statuses: dict[Key, str] = {}
    for family in families:
        for sample in family.samples:
            if "indicator" in sample.labels and "department" in sample.labels:
                key = sample.labels["indicator"], sample.labels["department"]
                found.setdefault(sample.name, {})[key] = sample.value
                if sample.name == metrics.MILESTONE_STATUS.name and sample.value:
                    statuses[key] = sample.labels["status"]

    def number(metric: metrics.Metric, key: Key) -> float | None:
        return found.get(metric.name, {}).get(key)

    def judged(key: Key) -> ShownFigure:
        rate = number(metrics.MILESTONE_PROGRESS, key)
        seconds = number(metrics.MILESTONE_PROJECTED, key)
        return reported(
            key[0],
            status=statuses.get(key),
            value=number(metrics.INDICATOR_ASSESSED_VALUE, key),
            rate=None if rate is None else 100 * rate,
            projected=None if seconds is None else datetime.fromtimestamp(seconds, UTC).date(),
        )

    return {key: judged(key) for key in PROMISED}


def of_export(state_store: StateStore, day: date) -> dict[Key, ShownFigure]:
    return {
        (row.indicator, row.department or metrics.REGION): reported(
            row.indicator,
            status=row.status,
            value=row.value,
            rate=row.progress_rate,
            projected=row.projected_on,
        )
        for row in rows_of(CATALOGUE, state_store, day)
        if row.status is not None
    }


def of_audit(ledger: Ledger, day: date) -> dict[Key, ShownFigure]:
    """Read judgements from an audit's document, which is counted from the records themselves."""
    document = json.loads(json.dumps(audit_document(audit_ledger(ledger, CATALOGUE, day, day))))
    return {
        (one["indicator"], one["department"] or metrics.REGION): reported(
            one["indicator"],
            status=one["status"],
            value=one["value"],
            rate=one["progress_rate"],
            projected=None
            if one["projected_day"] is None
            else date.fromisoformat(one["projected_day"]),
        )
        for one in document["figures"]
        if one["status"] is not None
    }


def replayed(events: Sequence[CloudEvent]) -> Iterator[tuple[date, StateStore]]:
    """Apply to workers' states what was recorded up to each day; events in that order."""
    state_store = StateStore(CATALOGUE.terms)
    rest = iter(events)
    coming: CloudEvent | None = next(rest)
    for day in DAYS:
        batch: list[CloudEvent] = []
        while coming is not None and coming.time.date() <= day:
            batch.append(coming)
            coming = next(rest, None)
        for family in Family:
            apply_events(state_store, family, [[one for one in batch if one.fact.FAMILY is family]])
        yield day, state_store


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_reader_says_the_same_of_every_milestone() -> None:
    """On four days of the replay: /metrics, export, backfill and audit."""
    differences: list[str] = []
    events = sorted((one for _, one in read_story(SEED).events), key=lambda one: one.time)
    with Ledger(map(raw_record, events), partitions=8) as ledger:
        for day, state_store in replayed(events):
            page = assessor_page(state_store, day)
            judged = of_metrics(page)
            readers: Mapping[str, Mapping[Key, ShownFigure]] = {
                "export": of_export(state_store, day),
                "backfill": of_metrics(written(CATALOGUE, state_store, [day]), openmetrics=True),
                "audit": of_audit(ledger, day),
            }
            for reader, shown in readers.items():
                differences += [
                    f"{day} {reader} {key}: {shown.get(key)}, /metrics {judged.get(key)}"
                    for key in sorted(judged.keys() | shown.keys())
                    if shown.get(key) != judged.get(key)
                ]
            assert {one.status for one in judged.values()} - {None}
    assert differences == []
