"""What an assessor shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from catalogue import metrics
from tests.support.workers import Worker

PUBLISHED_DAY: Final = date(2020, 11, 30)
"""The figures about persons are of this day at the end of 2020, where the workers' clock stands."""
_OWN: Final = (
    metrics.ASSESSOR_READY,
    metrics.ASSESSOR_LAG,
    metrics.ASSESSOR_UNJUDGED,
    metrics.HISTORY_AGE,
)


def everything(assessor: Worker) -> dict[str, Mapping[tuple[str, ...], float]]:
    """Return all that it shows but of itself."""
    shown = [one for one in metrics.ASSESSOR_METRICS if one not in _OWN]
    return {metric.name: assessor.values(metric) for metric in shown}
