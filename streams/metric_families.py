"""Metric families of prometheus_client, made from the metric vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import TypeAlias, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from catalogue import metrics
from catalogue.metrics import Metric
from catalogue.model import Catalogue


def catalogue_families(catalogue: Catalogue) -> Iterator[MetricFamily]:
    """Yield the indicators' descriptions and baselines, and their milestones' targets and days."""
    info = family_of(metrics.INDICATOR_INFO)
    baseline = family_of(metrics.INDICATOR_BASELINE)
    own = family_of(metrics.INDICATOR_OWN_BASELINE)
    target = family_of(metrics.MILESTONE_TARGET)
    deadline = family_of(metrics.MILESTONE_DEADLINE)
    for programme in catalogue.programmes:
        for indicator in programme.indicators:
            who = [programme.id, indicator.id]
            info.add_metric(
                [*who, str(indicator.unit), str(indicator.direction), indicator.title], 1
            )
            if indicator.baseline is not None:
                baseline.add_metric(who, float(indicator.baseline.value))
            for territory, start in indicator.baselines.items():
                own.add_metric([*who, territory], float(start.value))
            for milestone in indicator.milestones:
                if milestone.target is not None:
                    target.add_metric([*who, milestone.id], float(milestone.target))
                if milestone.day is not None:
                    deadline.add_metric([*who, milestone.id], midnight(milestone.day))
    yield from (info, baseline, own, target, deadline)


Labels = TypeVar("Labels", bound=str | tuple[object, ...])
MetricFamily: TypeAlias = GaugeMetricFamily | CounterMetricFamily


def family_of(metric: Metric) -> MetricFamily:
    """Return a metric's family without samples."""
    if metric.kind == "counter":
        return CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def histogram_of(metric: Metric) -> HistogramMetricFamily:
    """Return a histogram's family without samples."""
    return HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def single(metric: Metric, value: float) -> MetricFamily:
    """Return the family of a metric without labels, with one sample."""
    family = family_of(metric)
    family.add_metric([], value)
    return family


def samples(metric: Metric, values: Mapping[Labels, float]) -> MetricFamily:
    """Return the family of a metric with a sample for each label, or tuple of labels, in order."""
    family = family_of(metric)
    for labels, value in sorted(values.items()):
        family.add_metric([*map(str, labels)] if isinstance(labels, tuple) else [labels], value)
    return family


def midnight(day: date) -> float:
    """Return the start of a day in UTC, in seconds since 1970: how metrics express a day."""
    return datetime.combine(day, time(), UTC).timestamp()
