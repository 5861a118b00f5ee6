"""The generated names: well formed, each once, and links that lead somewhere."""

import re

import pytest

from catalogue.metrics import ASSESSOR_METRICS, LABELS, PRODUCER_METRICS, WORKER_METRICS, Metric
from dashboards.conventions import RECORDED, Links, programme_board

EXPOSED = (*WORKER_METRICS, *PRODUCER_METRICS, *ASSESSOR_METRICS)

each_series = pytest.mark.parametrize("series", RECORDED, ids=str)


@each_series
def test_a_recorded_name_is_level_metric_operation(series: Metric) -> None:
    level, metric, operation = series.name.split(":")

    assert re.fullmatch("[a-z]+", level)
    assert metric in {known.name for known in EXPOSED}
    assert re.fullmatch("[a-z]+", operation)


@each_series
def test_a_recorded_series_has_labels_of_the_vocabulary(series: Metric) -> None:
    assert set(series.labels) <= LABELS.keys() - {"partition"}


def test_recorded_names_are_there_once() -> None:
    assert len({series.name for series in RECORDED}) == len(RECORDED)


def test_long_programme_ids_have_different_uids() -> None:
    """Grafana refuses more than 40 characters, and two boards must not become one."""
    uids = {programme_board("a" * 62 + last) for last in "bc"}

    assert len(uids) == 2
    assert {len(uid) for uid in uids} == {40}


def test_a_runbook_is_linked_by_the_name_of_its_alert() -> None:
    links = Links(runbooks="https://git.example.org/docs/")

    assert links.runbook("MilestoneLost") == "https://git.example.org/docs/MilestoneLost.md"
