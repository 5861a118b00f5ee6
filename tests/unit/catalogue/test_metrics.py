"""The vocabulary of metrics."""

from __future__ import annotations

import re

import pytest

from catalogue.metrics import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    LABELS,
    PRODUCER_METRICS,
    WORKER_METRICS,
    Metric,
)

EXPOSED = (*WORKER_METRICS, *PRODUCER_METRICS, *ASSESSOR_METRICS, *GATEWAY_METRICS)

each_metric = pytest.mark.parametrize("metric", EXPOSED, ids=lambda metric: metric.name)


def test_names_each_metric_once() -> None:
    assert len({metric.name for metric in EXPOSED}) == len(EXPOSED)


@each_metric
def test_a_name_is_one_that_prometheus_recommends(metric: Metric) -> None:
    assert re.fullmatch(r"smartregion_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") is (metric.kind == "counter")


@each_metric
def test_labels_are_names(metric: Metric) -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in metric.labels)
    assert len(set(metric.labels)) == len(metric.labels)


@each_metric
def test_a_meaning_is_a_sentence(metric: Metric) -> None:
    assert metric.meaning[0].isupper() or metric.meaning[0].isdigit()
    assert metric.meaning.endswith(".")
    assert not metric.remedy or metric.remedy.endswith(".")


def test_every_label_is_explained() -> None:
    assert set(LABELS) == {label for metric in EXPOSED for label in metric.labels}
