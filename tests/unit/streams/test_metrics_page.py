"""The page that documents the metrics."""

import subprocess
import sys
from pathlib import Path

from catalogue.metric_names import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    METRICS,
    PRODUCER_METRICS,
)
from streams.metrics_page import metrics_page

DOCUMENTED = (*METRICS, *PRODUCER_METRICS, *ASSESSOR_METRICS, *GATEWAY_METRICS)

ROOT = Path(__file__).parents[3]


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
    """Whoever wants to correct it is told where."""
    assert metrics_page().startswith("<!-- Generated from catalogue/metric_names.py")


def test_is_committed_as_it_is_generated() -> None:
    """The vocabulary was not changed without its page."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == metrics_page()


def test_is_written_by_its_module(tmp_path: Path) -> None:
    """As `make generated` calls it."""
    page = tmp_path / "metrics.md"

    subprocess.run([sys.executable, "-m", "streams.metrics_page", page], cwd=ROOT, check=True)

    assert page.read_text(encoding="utf-8") == metrics_page()
