"""What the assessor's /metrics shows: an immutable view, and its translation into families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from catalogue import metric_names as names
from streams.assessor.series import cell_points, judgement_points
from streams.metric_families import family_of, fault_family, midnight, single

if TYPE_CHECKING:
    from catalogue.judgement import Judgement
    from catalogue.model import Catalogue
    from streams.histories import Parts
    from streams.topic_faults import TopicFault

__all__ = ["Assessment", "AssessorCollector", "AssessorSnapshot"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """All judgements of a day, and the persons by category, as they are published."""

    as_of: date
    judgements: tuple[Judgement, ...]
    persons: Parts


@dataclass(frozen=True, slots=True)
class AssessorSnapshot:
    """All that a scrape shows; `assessment` is None until everything has been read."""

    as_of: date
    lag: int
    assessment: Assessment | None
    faults: Sequence[TopicFault] = ()


class AssessorCollector(Collector):
    """Makes metric families of a view, at scrape time."""

    def __init__(self, catalogue: Catalogue, view: Callable[[], AssessorSnapshot]) -> None:
        self._catalogue = catalogue
        self._view = view

    def describe(self) -> list[Metric]:
        """Promise nothing beforehand: the registry would otherwise take a view to find out."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the assessor's vocabulary."""
        view = self._view()
        assessment = view.assessment
        as_of = view.as_of if assessment is None else assessment.as_of
        yield single(names.AS_OF, midnight(as_of))
        yield single(names.ASSESSOR_READY, int(assessment is not None))
        yield single(names.ASSESSOR_LAG, view.lag)
        yield fault_family(view.faults)
        told = (names.ASSESSOR_READY, names.ASSESSOR_LAG)
        families = {
            metric: family_of(metric) for metric in names.ASSESSOR_METRICS if metric not in told
        }
        if assessment is not None:
            for point in chain(
                judgement_points(self._catalogue, assessment.judgements),
                cell_points(self._catalogue, assessment.persons, assessment.as_of),
            ):
                families[point.metric].add_metric(point.labels, point.value)
        yield from families.values()
