"""From the vocabulary of metrics to prometheus_client's metric families."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import CollectorRegistry

from catalogue.metrics import TOPIC_FAULT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.registry import Collector

    from catalogue.metrics import Metric
    from streams.topic_faults import TopicFault

__all__ = [
    "MetricFamily",
    "family_of",
    "fault_family",
    "histogram_of",
    "midnight",
    "registry_of",
    "single",
]

MetricFamily: TypeAlias = GaugeMetricFamily | CounterMetricFamily


def family_of(metric: Metric) -> MetricFamily:
    """Return a metric's family, without a sample yet."""
    if metric.kind == "counter":
        return CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def histogram_of(metric: Metric) -> HistogramMetricFamily:
    """Return a histogram's family, without a sample yet."""
    return HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def single(metric: Metric, value: float) -> MetricFamily:
    """Return the family of a metric without labels, with its one sample."""
    family = family_of(metric)
    family.add_metric([], value)
    return family


def fault_family(faults: Iterable[TopicFault]) -> MetricFamily:
    """Return the family of what is wrong with topics."""
    family = family_of(TOPIC_FAULT)
    for fault in faults:
        partition = "" if fault.partition is None else str(fault.partition)
        family.add_metric([fault.topic, partition, fault.fault], 1)
    return family


def midnight(day: date) -> float:
    """Return when a day begins in UTC, in seconds since 1970: how metrics tell days."""
    return datetime.combine(day, time(), UTC).timestamp()


def registry_of(collector: Collector) -> CollectorRegistry:
    """Return a registry of this collector alone: nothing global, nothing of the process's."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry
