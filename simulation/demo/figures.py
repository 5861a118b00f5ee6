"""The figures of a demo, as the assessor judges them: those that boards and alerts show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from math import inf
from typing import Any, TypeAlias

from audit.exposed import Exposed
from catalogue import metrics
from catalogue.figure import Figure
from catalogue.model import Catalogue
from catalogue.progress import MilestoneStatus
from catalogue.territories import territory_key

_Values: TypeAlias = dict[tuple[str | None, ...], float]

#: A metric's ratio as a percentage, without what a float adds to it.
_DECIMALS = 9


def complete_on(worker: Exposed) -> date | None:
    """Return the day of which a worker alone shows every figure; None while it does not."""
    is_complete = worker.ready and len(worker.partitions_owned) >= worker.partitions_expected
    return worker.as_of if is_complete else None


def judged_on(assessor: Exposed) -> date | None:
    """Return the day that an assessor has judged; None while it has judged none."""
    return assessor.as_of if assessor.single(metrics.ASSESSOR_READY) == 1 else None


def assessed_on(assessor: Exposed) -> date | None:
    """Return the day that an assessor has judged without lag; None while it has not."""
    return judged_on(assessor) if assessor.single(metrics.ASSESSOR_LAG) == 0 else None


def unconfirmed_seconds(assessor: Exposed) -> float:
    """Return how long ago workers last confirmed what an assessor judges; infinity for never."""
    return max((sample.value for sample in assessor.of(metrics.HISTORY_AGE)), default=inf)


def shown_figures(catalogue: Catalogue, assessor: Exposed) -> tuple[Figure, ...]:
    """Return every figure as an assessor judges it, against the milestone in force on its day.

    Empty while it has judged none.
    """
    as_of = judged_on(assessor)
    if as_of is None:
        return ()
    values = _by(assessor, metrics.INDICATOR_ASSESSED_VALUE, "indicator", "department")
    milestone = ("indicator", "department", "milestone")
    rates = _by(assessor, metrics.MILESTONE_PROGRESS, *milestone)
    projected = _by(assessor, metrics.MILESTONE_PROJECTED, *milestone)
    statuses: dict[tuple[str | None, ...], MilestoneStatus] = {
        tuple(sample.labels[label] for label in milestone): MilestoneStatus(sample.labels["status"])
        for sample in assessor.of(metrics.MILESTONE_STATUS)
        if sample.value
    }
    figures = []
    for indicator in catalogue.indicators:
        for department in indicator.territories:
            promised = Figure.unknown(catalogue, indicator.id, department, as_of)
            territory = (indicator.id, territory_key(department))
            key = (*territory, promised.milestone)
            rate, seconds = rates.get(key), projected.get(key)
            judged: dict[str, Any] = {
                "value": values.get(territory),
                "progress_rate": None if rate is None else round(100 * rate, _DECIMALS),
                "status": statuses.get(key),
                "projected_day": None
                if seconds is None
                else datetime.fromtimestamp(seconds, UTC).date(),
            }
            figures.append(promised.model_copy(update=judged))
    return tuple(figures)


def assessment_differences(shown: Iterable[Figure], audited: Iterable[Figure]) -> Iterator[str]:
    """Yield a line for each audited figure that an assessor judges differently.

    An audit does not judge figures about persons.
    """
    by_territory = {(one.indicator, one.department): one for one in shown}
    for one in audited:
        found = by_territory.get((one.indicator, one.department))
        counted = (one.value, one.status, one.projected_day)
        judged = None if found is None else (found.value, found.status, found.projected_day)
        if counted != judged:
            where = f"{one.programme}/{one.indicator}/{territory_key(one.department)}"
            yield f"{where}: audit {_text(*counted)}, assessor {_text(*(judged or ()))}"


def _text(*judged: object) -> str:
    return " ".join("none" if one is None else str(one) for one in judged) or "nothing"


def _by(assessor: Exposed, metric: metrics.Metric, *labels: str) -> _Values:
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for sample in assessor.of(metric)
    }
