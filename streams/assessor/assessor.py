"""The assessor: follows the histories, and judges them after each change or new day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from time import monotonic
from typing import Self

from boundary.web import Readiness
from catalogue.explanations import NO_EXPLANATIONS, Explained, Explanations, explained_all
from catalogue.history import Histories, keep_unchanged
from catalogue.judgement import Judgement, judge_all
from catalogue.model import Catalogue, Promise
from catalogue.terms import Term
from streams.assessor.judgeable_catalogue import judgeable_catalogue
from streams.clock import Clock
from streams.dated_sums import DatedSums
from streams.explanations import explanations_of
from streams.histories import Parts, histories_of, person_categories_of
from streams.queries.collector import HistoriesCollector

logger = logging.getLogger(__name__)

#: The minimum pause between two judgements: in seconds, and as a multiple of the duration of the
#: last one. Otherwise a replay would spend its time judging, and /metrics would not be answered.
PAUSE_SECONDS = 1.0
PAUSE_SHARE = 2.0


@dataclass(frozen=True)
class Assessment:
    """All judgements of a day, their histories, and figures by category."""

    catalogue: Catalogue
    """The judged catalogue, without the indicators that some worker does not know."""
    as_of: date
    judgements: tuple[Judgement, ...]
    histories: Histories
    parts: Parts
    explanations: Explanations

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        as_of: date,
        histories: Histories,
        parts: Parts,
        explanations: Explanations = NO_EXPLANATIONS,
    ) -> Self:
        """Judge a day."""
        judgements = judge_all(catalogue, histories, as_of)
        return cls(catalogue, as_of, judgements, histories, parts, explanations)

    @cached_property
    def explained(self) -> Mapping[Promise, Explained]:
        """The milestones that are missed or at risk; computed at first use."""
        return explained_all(self.judgements, self.histories, self.explanations, self.as_of)


@dataclass(frozen=True, slots=True)
class AssessorSnapshot:
    """An immutable copy of what /metrics shows.

    `assessment` is None until the histories of all partitions are known.
    """

    as_of: date
    lag: int
    assessment: Assessment | None
    ages: Mapping[int, float] = field(default_factory=dict)
    """By partition: the age in seconds of the histories that its worker reported."""
    unjudged: int = 0
    """How many indicators are not judged: some worker's catalogue lacks a term they count."""
    overdue: int = 0
    """How many overdue event records the workers report."""


class Assessor:
    """Judges the histories of a collector.

    One thread calls `step` repeatedly; other threads read immutable results.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        *,
        parts_of: Callable[[DatedSums, Catalogue, date], Parts] = person_categories_of,
        explains: bool = False,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """Create an assessor; `parts_of` returns the figures by category that it shows.

        With `explains`, each judgement also computes `Assessment.explained`, which may take as long
        as the judgement, so that its first reader does not wait.
        """
        self.catalogue = catalogue
        self._clock = clock
        self._known = catalogue
        self._parts_of = parts_of
        self._explains = explains
        self._timer = timer
        self._started_at = timer()
        self._judged_at: float | None = None
        self._took = 0.0
        self._histories: Histories = {}
        self._histories_outdated = True
        self._assessment: Assessment | None = None
        self._lag: int | None = None
        self._unjudged = 0
        #: True once a poll after the last judgement returned nothing.
        self._polled_empty = False
        self._waiting_for: str | None = None
        self._ages: Mapping[int, float] = {}
        self._overdue = 0
        self._unknown: Mapping[Term, str] = {}

    def step(self, source: HistoriesCollector) -> None:
        """Poll once, and judge if due. Raises the errors of `HistoriesCollector.poll`."""
        polled = source.poll()
        if polled:
            self._histories_outdated = True
            self._unjudged += polled
        self._polled_empty = not polled
        self._lag, self._ages, self._overdue = source.lag(), source.ages(), source.overdue()
        self._waiting_for = source.waiting_for()
        self._know(source.unknown())
        if self._waiting_for is not None:
            # A judgement that lacks some entities would look right.
            self._assessment = None
        elif self._is_due():
            self._judge(source)

    def snapshot(self) -> AssessorSnapshot:
        """Return an immutable copy of what /metrics shows."""
        lag = max((self._lag or 0) + self._unjudged, int(not self._polled_empty))
        return AssessorSnapshot(
            self._clock.today(),
            lag,
            self._assessment,
            self._ages,
            len(self.catalogue.indicators) - len(self._known.indicators),
            self._overdue,
        )

    def readiness(self) -> Readiness:
        """Return the content of /readyz."""
        if self._assessment is not None:
            return Readiness(None, {"lag": self._lag})
        return Readiness(self._waiting_for or "the workers")

    def _is_due(self) -> bool:
        if self._assessment is None or self._judged_at is None:
            return True
        outdated = self._histories_outdated or self._assessment.as_of != self._clock.today()
        pause = max(PAUSE_SECONDS, PAUSE_SHARE * self._took)
        return outdated and self._timer() - self._judged_at >= pause

    def _judge(self, source: HistoriesCollector) -> None:
        today, catalogue, began = self._clock.today(), self._known, self._timer()
        # Histories about persons contain what is published by that day.
        found = histories_of(source.sums, catalogue, today)
        self._histories = keep_unchanged(found, self._histories)
        self._histories_outdated = False
        first = self._assessment is None
        assessment = Assessment.of(
            catalogue,
            today,
            self._histories,
            self._parts_of(source.sums, catalogue, today),
            explanations_of(source.sums),
        )
        if self._explains:
            _ = assessment.explained
        self._assessment = assessment
        self._judged_at = self._timer()
        self._took = self._judged_at - began
        self._unjudged, self._polled_empty = 0, False
        if first:
            logger.info(
                "ready as_of=%s judgements=%d seconds=%.1f",
                today,
                len(self._assessment.judgements),
                self._judged_at - self._started_at,
            )

    def _know(self, unknown: Mapping[Term, str]) -> None:
        """Judge only known terms, and log when the unknown ones change."""
        if unknown == self._unknown:
            return
        self._unknown, self._histories_outdated = unknown, True
        self._known = judgeable_catalogue(self.catalogue, unknown) if unknown else self.catalogue
        known = {one.id for one in self._known.indicators}
        if unknown:
            logger.warning(
                "not judged: indicators=%s: the catalogue of %s differs; restart it with"
                " this process's release and catalogue",
                ",".join(one.id for one in self.catalogue.indicators if one.id not in known),
                ",".join(sorted(set(unknown.values()))),
            )
        else:
            logger.info("all indicators are judged again")
