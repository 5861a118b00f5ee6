"""The vocabulary of metrics."""

from __future__ import annotations

import re

import pytest

from catalogue import gateway_metrics as metrics_vocabulary
from catalogue import metric_names
from catalogue.metric_names import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    LABELS,
    METRICS,
    PRODUCER_METRICS,
    Metric,
)

EXPOSED = (*METRICS, *PRODUCER_METRICS, *ASSESSOR_METRICS, *GATEWAY_METRICS)

each_metric = pytest.mark.parametrize("metric", EXPOSED, ids=lambda metric: metric.name)


def test_lists_every_metric_that_is_defined() -> None:
    """A metric that is defined is documented, the gateway's too."""
    defined = {
        value
        for module in (metric_names, metrics_vocabulary)
        for value in vars(module).values()
        if isinstance(value, Metric)
    }

    assert defined == set(EXPOSED)


def test_names_each_metric_once() -> None:
    """A name has one meaning."""
    assert len({metric.name for metric in EXPOSED}) == len(EXPOSED)


@each_metric
def test_a_name_is_one_that_prometheus_recommends(metric: Metric) -> None:
    """Ours by its prefix; a counter ends in `_total`, and nothing else does."""
    assert re.fullmatch(r"smartregion_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") is (metric.kind == "counter")


@each_metric
def test_labels_are_names(metric: Metric) -> None:
    """None is reserved, none is there twice."""
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in metric.labels)
    assert len(set(metric.labels)) == len(metric.labels)


@each_metric
def test_a_meaning_is_a_sentence(metric: Metric) -> None:
    """What /metrics shows as HELP, and docs/metrics.md as meaning."""
    assert metric.meaning[0].isupper() or metric.meaning[0].isdigit()
    assert metric.meaning.endswith(".")
    assert not metric.remedy or metric.remedy.endswith(".")


def test_every_label_is_explained() -> None:
    """And no label that no metric has."""
    assert set(LABELS) == {label for metric in EXPOSED for label in metric.labels}
