"""The check of the workers that answer /histories, and of their clocks."""

from __future__ import annotations

from time import monotonic
from typing import Final

from boundary.settings import variable
from catalogue.model import Catalogue
from operations.doctor.check import NothingToCheckError
from operations.doctor.clocks import assert_agreement
from streams.queries.collector import collecting
from streams.queries.opening import HistoriesIncompleteError, collector_plan, missing_of
from streams.settings import Settings

ANSWER_SECONDS: Final = 10.0


def check_workers(settings: Settings, catalogue: Catalogue) -> str:
    """Check that the workers that the settings name tell all histories, and share one time.

    Each worker counts up to the day of its own clock. Raises NothingToCheckError where the settings
    name no worker, HistoriesIncompleteError with what each worker answers, SmartRegionError where
    two clocks differ, and as `collector_plan`.
    """
    if not settings.workers:
        raise NothingToCheckError(
            f"{variable('workers')} is not set: assessor and page ask the worker of this machine"
        )
    with collecting(catalogue, collector_plan(settings)) as collector:
        began = monotonic()
        while (missing := missing_of(collector)) is not None:
            if monotonic() - began > ANSWER_SECONDS:
                raise HistoriesIncompleteError(missing)
            collector.poll()
        now = settings.make_clock().now()
        clocks = collector.clocks()
    if clocks:  # Workers of earlier releases do not tell their time.
        assert_agreement({url: (theirs - now).total_seconds() for url, theirs in clocks.items()})
    return f"tell the histories of all partitions: {settings.partitions}"
