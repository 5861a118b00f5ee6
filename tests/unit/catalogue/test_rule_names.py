"""The recorded names: well formed, each once, with labels that the vocabulary knows."""

import re

import pytest

from catalogue.metric_names import LABELS, METRICS, Metric
from catalogue.rule_names import RECORDED

LEVELS = ("department", "region", "territory", "monitor")


def each(metric: Metric) -> str:
    """Name a test after its series."""
    return metric.name


@pytest.mark.parametrize("recorded", RECORDED, ids=each)
def test_name_is_level_metric_operation(recorded: Metric) -> None:
    """A recorded name has Prometheus' three parts, and its middle is a metric of the monitor."""
    level, metric, operation = recorded.name.split(":")
    assert level in LEVELS
    assert metric in {known.name for known in METRICS}
    assert re.fullmatch("[a-z]+", operation)


@pytest.mark.parametrize("recorded", RECORDED, ids=each)
def test_labels_are_the_vocabulary_s(recorded: Metric) -> None:
    """A recorded series has no label that the vocabulary does not explain, nor a partition."""
    assert set(recorded.labels) <= LABELS.keys() - {"partition"}


def test_names_are_there_once() -> None:
    """No two recorded series share a name."""
    names = [recorded.name for recorded in RECORDED]
    assert len(names) == len(set(names))
