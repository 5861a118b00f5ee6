"""The figures that workers show, judged as the catalogue judges them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from catalogue.assessment import Figure, assess
from catalogue.model import Catalogue
from streams.audit.comparison import shown_readings
from streams.audit.exposed import Exposed

__all__ = ["complete_on", "shown_figures"]


def complete_on(workers: Sequence[Exposed]) -> date | None:
    """The day of which the workers together show every figure; None while they do not."""
    days = {worker.as_of for worker in workers}
    owned = frozenset[int]().union(*(worker.partitions_owned for worker in workers))
    expected = max((worker.partitions_expected for worker in workers), default=0)
    if len(days) != 1 or not all(worker.ready for worker in workers) or len(owned) < expected:
        return None
    return days.pop()


def shown_figures(catalogue: Catalogue, workers: Sequence[Exposed]) -> tuple[Figure, ...]:
    """Every figure that the workers show; none while some are missing, for zero would be a lie."""
    as_of = complete_on(workers)
    if as_of is None:
        return ()
    return assess(catalogue, shown_readings(catalogue, workers), as_of)
