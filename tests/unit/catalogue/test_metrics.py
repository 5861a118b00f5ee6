"""The vocabulary of metrics."""

from __future__ import annotations

import re

from catalogue.metrics import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    PAGE_METRICS,
    PRODUCER_METRICS,
    WORKER_METRICS,
    label_meanings,
)

EXPOSED = (*WORKER_METRICS, *PRODUCER_METRICS, *ASSESSOR_METRICS, *GATEWAY_METRICS, *PAGE_METRICS)


def test_each_metric_has_a_name_that_prometheus_recommends_and_a_meaning() -> None:
    assert len({metric.name for metric in EXPOSED}) == len(EXPOSED)
    for metric in EXPOSED:
        assert re.fullmatch(r"smartregion_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") is (metric.kind == "counter")
        assert re.fullmatch(r"[A-Z0-9].*\.", metric.meaning)
        assert not metric.remedy or metric.remedy.endswith(".")


def test_every_label_is_explained() -> None:
    assert label_meanings().keys() == {label for metric in EXPOSED for label in metric.labels}
