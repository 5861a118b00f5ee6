"""The assessor: reads the changelogs, and judges again after a change or a new day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from time import monotonic
from typing import Self

from catalogue.explanations import (
    NO_EXPLANATIONS,
    Explained,
    Explanations,
    explained_all,
)
from catalogue.history import Histories
from catalogue.judgement import Judgement, judge_all
from catalogue.model import Catalogue, Promise
from streams.changelog_reader import ChangelogReader
from streams.clock import Clock
from streams.explanations import explanations_of
from streams.histories import Parts, histories_of, person_categories_of
from streams.state_store import StateStore
from streams.topic_faults import TopicFault, summary_of
from streams.web import Readiness

__all__ = ["Assessment", "Assessor", "AssessorSnapshot"]

logger = logging.getLogger(__name__)

#: The minimum time between two judgements: a replay would otherwise consist of judgements.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Assessment:
    """All judgements of a day, the histories they follow from, and figures by category."""

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
        return cls(as_of, judgements, histories, parts, explanations)

    @cached_property
    def explained(self) -> Mapping[Promise, Explained]:
        """The milestones that are missed or at risk; found when they are first asked for."""
        return explained_all(self.judgements, self.histories, self.explanations, self.as_of)


@dataclass(frozen=True, slots=True)
class AssessorSnapshot:
    """An immutable copy of what /metrics shows.

    `assessment` is None until the changelogs are read to their end.
    """

    as_of: date
    lag: int
    assessment: Assessment | None
    faults: Sequence[TopicFault] = ()


class Assessor:
    """Judges the states that a changelog reader has restored.

    One thread calls `step` repeatedly; other threads read immutable results.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        *,
        parts_of: Callable[[StateStore, Catalogue], Parts] = person_categories_of,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """Create an assessor; `parts_of` returns the figures by category that it shows."""
        self.catalogue = catalogue
        self._clock = clock
        self._parts_of = parts_of
        self._timer = timer
        self._started_at = timer()
        self._judged_at: float | None = None
        self._histories: Histories | None = None
        self._parts: Parts = {}
        self._explanations: Explanations = NO_EXPLANATIONS
        self._assessment: Assessment | None = None
        self._lag: int | None = None
        self._unjudged = 0
        #: True once a poll after the last judgement returned nothing: an earlier end offset may be
        #: outdated, and is too low on some brokers.
        self._polled_empty = False
        self._unreadable = 0
        self._faults: Sequence[TopicFault] = ()

    def step(self, changelog_reader: ChangelogReader, *, timeout: float) -> None:
        """Poll once, and judge if it is due.

        `timeout` and errors are those of `ChangelogReader.poll`.
        """
        polled = changelog_reader.poll(timeout=timeout)
        if polled:
            self._histories = None
            self._unjudged += polled
        self._polled_empty = not polled
        self._lag = changelog_reader.lag()
        if changelog_reader.faults and not self._faults:
            for fault in changelog_reader.faults:
                logger.error("lost: %s", fault)
        self._faults = changelog_reader.faults
        self._unreadable = sum(changelog_reader.state_store.unreadable().values())
        if self._unreadable:
            # A judgement without some entity would look right.
            self._assessment = None
        elif changelog_reader.caught_up and not self._faults and self._is_due():
            self._judge(changelog_reader)

    def snapshot(self) -> AssessorSnapshot:
        """Return an immutable copy of what /metrics shows."""
        lag = max((self._lag or 0) + self._unjudged, int(not self._polled_empty))
        return AssessorSnapshot(self._clock.today(), lag, self._assessment, self._faults)

    def readiness(self) -> Readiness:
        """Return the content of /readyz."""
        if self._unreadable:
            return Readiness(
                f"states that can be read ({self._unreadable} cannot; the log names the records)"
            )
        if self._assessment is not None:
            return Readiness(None, {"lag": self._lag})
        if self._lag is None:
            return Readiness("the broker")
        if self._faults:
            return Readiness(f"a rebuild of lost states: {summary_of(self._faults)}")
        return Readiness(f"the changelogs ({self._lag} records to go)")

    def _is_due(self) -> bool:
        if self._assessment is None or self._judged_at is None:
            return True
        outdated = self._histories is None or self._assessment.as_of != self._clock.today()
        return outdated and self._timer() - self._judged_at >= PAUSE_SECONDS

    def _judge(self, changelog_reader: ChangelogReader) -> None:
        today, state_store = self._clock.today(), changelog_reader.state_store
        if self._histories is None:
            self._histories = histories_of(state_store, self.catalogue)
            self._parts = self._parts_of(state_store, self.catalogue)
            self._explanations = explanations_of(state_store)
        first = self._assessment is None
        self._assessment = Assessment.of(
            self.catalogue, today, self._histories, self._parts, self._explanations
        )
        self._judged_at = self._timer()
        self._unjudged, self._polled_empty = 0, False
        if first:
            logger.info(
                "ready as_of=%s entities=%d judgements=%d seconds=%.1f",
                today,
                sum(state_store.entities().values()),
                len(self._assessment.judgements),
                self._judged_at - self._started_at,
            )
