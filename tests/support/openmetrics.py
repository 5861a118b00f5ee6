"""OpenMetrics text, read by prometheus_client's strict parser."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def read_openmetrics(text: str) -> Iterator[Metric]:
    """Yield the families of a text. Raises ValueError if it breaks a rule of the format."""
    yield from text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
