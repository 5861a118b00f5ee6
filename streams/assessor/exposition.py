"""The translation of an assessor's snapshot into metric families, at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from catalogue import metrics
from catalogue.model import Catalogue
from streams.assessor.assessor import AssessorSnapshot
from streams.assessor.series import (
    cell_points,
    explanation_counts,
    judgement_points,
    unexplained_points,
)
from streams.metric_families import family_of, midnight, samples, single


class AssessorCollector(Collector):
    """A collector of an assessor's snapshot."""

    def __init__(self, catalogue: Catalogue, snapshot: Callable[[], AssessorSnapshot]) -> None:
        self._catalogue = catalogue
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the assessor's vocabulary."""
        snapshot = self._snapshot()
        assessment = snapshot.assessment
        as_of = snapshot.as_of if assessment is None else assessment.as_of
        yield single(metrics.AS_OF, midnight(as_of))
        yield single(metrics.ASSESSOR_READY, int(assessment is not None))
        yield single(metrics.ASSESSOR_LAG, snapshot.lag)
        yield single(metrics.ASSESSOR_UNJUDGED, snapshot.unjudged)
        yield samples(metrics.HISTORY_AGE, {(str(key),): age for key, age in snapshot.ages.items()})
        yielded = (
            metrics.ASSESSOR_READY,
            metrics.ASSESSOR_LAG,
            metrics.ASSESSOR_UNJUDGED,
            metrics.HISTORY_AGE,
        )
        families = {
            metric: family_of(metric)
            for metric in metrics.ASSESSOR_METRICS
            if metric not in yielded
        }
        if assessment is not None:
            for point in chain(
                judgement_points(self._catalogue, assessment.judgements),
                cell_points(assessment.catalogue, assessment.parts, assessment.as_of),
                unexplained_points(self._catalogue, assessment.explained),
                explanation_counts(self._catalogue, assessment.explanations),
            ):
                families[point.metric].add_metric(point.labels, point.value)
        yield from families.values()
