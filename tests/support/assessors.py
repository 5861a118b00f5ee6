"""What an assessor shows, and what an audit of the topics says that it should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from audit.recount import audit_records
from broker.reading import read_topics
from catalogue import metrics
from catalogue.figure import figures_of
from catalogue.judgement import judge_all
from tests.support.knowledge import shipped
from tests.support.published import published_values
from tests.support.workers import Worker

LAST_DAY: Final = date(2020, 12, 31)
"""The clock of the tests' workers stands there."""
PUBLISHED_DAY: Final = date(2020, 11, 30)
"""The figures about persons are of this day then."""


def shown(assessor: Worker, metric: metrics.Metric) -> Mapping[tuple[str, ...], float]:
    return _of(metric, _samples(assessor))


def _samples(assessor: Worker) -> list[Sample]:
    families = text_string_to_metric_families(assessor.metrics())
    return [sample for family in families for sample in family.samples]


def _of(metric: metrics.Metric, samples: Iterable[Sample]) -> Mapping[tuple[str, ...], float]:
    return {
        tuple(sample.labels[label] for label in metric.labels): sample.value
        for sample in samples
        if sample.name == metric.name
    }


def everything(assessor: Worker) -> dict[str, Mapping[tuple[str, ...], float]]:
    samples = _samples(assessor)
    own = (
        metrics.ASSESSOR_READY,
        metrics.ASSESSOR_LAG,
        metrics.ASSESSOR_UNJUDGED,
        metrics.HISTORY_AGE,
    )
    return {
        metric.name: _of(metric, samples)
        for metric in metrics.ASSESSOR_METRICS
        if metric not in own
    }


def audited_values(bootstrap: str) -> dict[tuple[str, ...], float]:
    """Return every figure that was ever reported, counted from the raw topics.

    Those of persons as they are published.
    """
    catalogue, records = shipped(), list(read_topics(bootstrap))
    audit = audit_records(records, catalogue, LAST_DAY)
    published = published_values(audit_records(records, catalogue, PUBLISHED_DAY))
    counted: dict[tuple[str, ...], float] = {
        ("formation", indicator, department or metrics.REGION): value
        for (indicator, department), value in published.items()
    }
    for figure in figures_of(catalogue, judge_all(catalogue, audit.histories, LAST_DAY), LAST_DAY):
        if figure.value is not None:
            department = figure.department or metrics.REGION
            counted[figure.programme, figure.indicator, department] = figure.value
    return counted
