"""What owners say of milestones, and which milestones are missed or at risk without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeAlias

from catalogue.history import Histories, History
from catalogue.judgement import Judgement, judge, missed_from
from catalogue.model import Promise
from catalogue.progress import MilestoneStatus
from events.identifiers import FIRST_DAY
from events.milestone import ExplanationKind

SLIPPING: Final = frozenset({MilestoneStatus.MISSED, MilestoneStatus.AT_RISK})
"""The statuses that need an explanation, and a decision."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An explanation of a milestone in a territory, with the source and id of its event."""

    entity: str
    """The key of its events."""
    department: str | None
    """The département's code; None for the Région."""
    day: date
    """The day that it is about."""
    kind: ExplanationKind
    text: str
    """Plain text; whoever shows it escapes it."""
    author_role: str
    recorded_at: datetime
    source: str
    id: str


Explanations: TypeAlias = Mapping[Promise, Sequence[Explanation]]
"""The explanations of each milestone and territory, the newest first."""

NO_EXPLANATIONS: Final[Explanations] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Explained:
    """Since when a milestone is missed or at risk, and the latest explanation since then."""

    since: date
    """The first day of the status; see `slipping_since`."""
    last: Explanation | None
    """The newest explanation from that day on; None: without explanation since that day."""

    def unexplained_days(self, as_of: date) -> int | None:
        """Return for how many days it has had no explanation; None where it has one."""
        return None if self.last is not None else (as_of - self.since).days


def explanations_for(
    explanations: Explanations, judgement: Judgement, as_of: date
) -> tuple[Explanation, ...]:
    """Return the explanations of a milestone up to a day, the newest first.

    Explanations of the Région's milestone also apply to each département, after its own.
    """
    if judgement.promise is None:
        return ()
    indicator, milestone, department = judgement.promise
    return tuple(
        one
        for territory in dict.fromkeys((department, None))
        for one in explanations.get((indicator, milestone, territory), ())
        if one.day <= as_of
    )


def explained_all(
    judgements: Sequence[Judgement],
    histories: Histories,
    explanations: Explanations,
    as_of: date,
) -> Mapping[Promise, Explained]:
    """Return every milestone that is missed or at risk on a day, with its explanation."""
    found: dict[Promise, Explained] = {}
    for judgement in judgements:
        promise = judgement.promise
        if promise is not None:
            history = histories.get((judgement.indicator.id, judgement.department), History())
            said = explanations_for(explanations, judgement, as_of)
            explained = explained_by(said, judgement, history, as_of)
            if explained is not None:
                found[promise] = explained
    return found


def explained_by(
    said: Sequence[Explanation], judgement: Judgement, history: History, as_of: date
) -> Explained | None:
    """Return since when a milestone is missed or at risk, with the newest explanation since then.

    None where it is neither.
    """
    since = slipping_since(judgement, history, as_of)
    if since is None:
        return None
    return Explained(since, max((one for one in said if one.day >= since), key=_age, default=None))


def slipping_since(judgement: Judgement, history: History, as_of: date) -> date | None:
    """Return the day since which a milestone is missed, or at risk; None where it is neither.

    It is missed since the day after its own, or since its figure was known or its target was lost
    after that. It is at risk since the first day of the last month that began at another status:
    statuses are compared at the ends of months, and day by day within that month. Nothing is at
    risk before its baseline's day, when it was not promised yet. The cost is that of a judgement a
    month since then, once for each history.
    """
    promise, milestone = judgement.promise, judgement.milestone
    if promise is None or milestone is None or judgement.status not in SLIPPING:
        return None
    if judgement.status is MilestoneStatus.MISSED:
        assert milestone.day is not None  # noqa: S101 - without a day nothing is missed
        overdue = missed_from(judgement.indicator, history, milestone.day)
        return overdue if judgement.lost_on is None else max(overdue, judgement.lost_on)
    baseline = judgement.indicator.baseline_for(judgement.department)
    first = FIRST_DAY if baseline is None else min(max(FIRST_DAY, baseline.day), as_of)
    known = history.at_risk
    known[promise, as_of] = True

    def is_at_risk(day: date) -> bool:
        if (promise, day) not in known:
            there = judge(judgement.indicator, milestone, judgement.department, history, day)
            known[promise, day] = there.status is MilestoneStatus.AT_RISK
        return known[promise, day]

    since = as_of
    while (end := since.replace(day=1) - timedelta(days=1)) >= first and is_at_risk(end):
        since = end
    while (before := since - timedelta(days=1)) > end and before >= first and is_at_risk(before):
        since = before
    return since


def _age(explanation: Explanation) -> tuple[date, datetime, str, str]:
    return explanation.day, explanation.recorded_at, explanation.source, explanation.id
