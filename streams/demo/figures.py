"""The figures that workers show, judged as the catalogue judges them, and those of persons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from catalogue import metric_names as names
from catalogue.assessment import Figure, assess
from catalogue.model import Catalogue
from streams.audit.comparison import shown_readings
from streams.audit.exposed import Exposed

__all__ = ["assessed_on", "complete_on", "shown_figures"]


def complete_on(workers: Sequence[Exposed]) -> date | None:
    """The day of which the workers together show every figure; None while they do not."""
    days = {worker.as_of for worker in workers}
    owned = frozenset[int]().union(*(worker.partitions_owned for worker in workers))
    expected = max((worker.partitions_expected for worker in workers), default=0)
    if len(days) != 1 or not all(worker.ready for worker in workers) or len(owned) < expected:
        return None
    return days.pop()


def assessed_on(assessors: Sequence[Exposed]) -> date | None:
    """The day of which an assessor shows every figure; None while it has not read all."""
    for one in assessors:
        (ready, lag) = (
            next((sample.value for sample in one.of(metric)), None)
            for metric in (names.ASSESSOR_READY, names.ASSESSOR_LAG)
        )
        return one.as_of if (ready, lag) == (1, 0) else None
    return None


def shown_figures(
    catalogue: Catalogue, workers: Sequence[Exposed], assessors: Sequence[Exposed] = ()
) -> tuple[Figure, ...]:
    """Every figure that the workers show, and those about persons that the assessor publishes.

    None while some of the workers' are missing, for zero would be a lie.
    """
    as_of = complete_on(workers)
    if as_of is None:
        return ()
    published = {
        (sample.labels["indicator"], sample.labels["department"]): sample.value
        for one in assessors
        for sample in one.of(names.INDICATOR_ASSESSED_VALUE)
    }
    return tuple(
        figure
        if catalogue.indicator(figure.indicator).publication is None
        else _published(
            figure, published.get((figure.indicator, figure.department or names.REGION))
        )
        for figure in assess(catalogue, shown_readings(catalogue, workers), as_of)
    )


def _published(figure: Figure, value: float | None) -> Figure:
    """Put in what is published, and no judgement: that is the assessor's, on another day."""
    return figure.model_copy(update={"value": value, "status": None})
