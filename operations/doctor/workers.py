"""The check of the workers whom assessor, page and exports ask for histories."""

from __future__ import annotations

from time import monotonic
from typing import Final

from boundary.settings import variable
from catalogue.model import Catalogue
from operations.doctor.check import NothingToCheckError
from streams.queries.collector import collecting
from streams.queries.opening import HistoriesIncompleteError, collector_plan
from streams.settings import Settings

__all__ = ["check_workers"]

ANSWER_SECONDS: Final = 10.0


def check_workers(settings: Settings, catalogue: Catalogue) -> str:
    """Check that the workers that the settings name tell the histories of all partitions.

    Raises NothingToCheckError where they name none, HistoriesIncompleteError with what each worker
    answers, and as `collector_plan`.
    """
    if not settings.workers:
        raise NothingToCheckError(f"{variable('workers')} is not set: changelogs are read instead")
    with collecting(catalogue, collector_plan(settings)) as collector:
        began = monotonic()
        while (missing := collector.waiting_for()) is not None:
            if monotonic() - began > ANSWER_SECONDS:
                raise HistoriesIncompleteError(missing)
            collector.poll(timeout=ANSWER_SECONDS)
    return f"tell the histories of all partitions: {settings.partitions}"
