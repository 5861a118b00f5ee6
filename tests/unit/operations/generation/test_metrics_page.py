"""The page that documents the metrics."""

from pathlib import Path

from catalogue.metrics import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    PAGE_METRICS,
    PRODUCER_METRICS,
    WORKER_METRICS,
)
from operations.generation.metrics_page import metrics_page

DOCUMENTED = (
    *WORKER_METRICS,
    *PRODUCER_METRICS,
    *ASSESSOR_METRICS,
    *GATEWAY_METRICS,
    *PAGE_METRICS,
)

ROOT = Path(__file__).parents[4]


def test_has_a_section_for_every_metric() -> None:
    """Nothing is exposed that is not documented."""
    assert [line for line in metrics_page().splitlines() if line.startswith("## `")] == [
        f"## `{metric.name}`" for metric in DOCUMENTED
    ]


def test_says_what_an_operator_does() -> None:
    """Each remedy is on the page."""
    page = metrics_page()

    assert all(metric.remedy in page for metric in DOCUMENTED)


def test_says_that_it_is_generated_and_from_what() -> None:
    """Whoever wants to correct it finds where."""
    assert metrics_page().startswith("<!-- Generated from catalogue/metrics.py")
