"""The judgement of a milestone from its figure's history: status, projection, attainment, loss."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from catalogue.history import COUNTRY, Histories, History, Spell
from catalogue.model import Catalogue, Indicator, Milestone, Promise
from catalogue.progress import (
    MilestoneStatus,
    is_attained,
    is_stale,
    milestone_status,
    progress_rate,
    projected_day,
)
from catalogue.reference_day import reference_day
from catalogue.trend import Projection, Trend, observed_trend, project, reference_of

CHANGE_DAYS: Final = 30
"""The days over which a change is computed; see `changed_since`."""


@dataclass(frozen=True, slots=True)
class FigureChange:
    """The change of a value and its parts by cause, in the indicator's unit.

    `value = due_to_numerator + due_to_denominator`, exactly.
    """

    value: Fraction
    due_to_numerator: Fraction
    due_to_denominator: Fraction


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement of one indicator in one territory on a day, against one milestone or none.

    Values and paces are exact and in the indicator's unit, paces per day; None is "not known".
    `value`, `last_reported`, `trend` and `change` are the indicator's, whatever the milestone.
    """

    indicator: Indicator
    milestone: Milestone | None
    department: str | None
    """The département's INSEE code; None for the region."""
    as_of: date
    """The day of the figure; for one about persons, the day of its last publication."""
    value: Fraction | None
    numerator: int
    denominator: int | None
    last_reported: date | None
    trend: Trend | None
    """The observed pace; None for too few points, or for stale reports."""
    change: FigureChange | None
    """The change since `changed_since`; None where either value is not known."""
    status: MilestoneStatus | None
    progress_rate: float | None
    """In percent."""
    projected: Projection | None
    attained_on: date | None
    """The first day of the current attainment."""
    lost_on: date | None
    """The first day after the last attainment; None while the target is held."""
    required_pace: Fraction | None
    """The remaining difference by the remaining days; None where either is 0 or unknown."""
    country_value: Fraction | None = None
    """The country's value, for the Région of an indicator with a comparison."""
    withheld: bool = False
    """True where the figure counts too few persons: it has no value."""

    @property
    def promise(self) -> Promise | None:
        """The milestone in the territory; None without a milestone."""
        if self.milestone is None:
            return None
        return self.indicator.id, self.milestone.id, self.department

    @property
    def observed_pace(self) -> Fraction | None:
        """The slope of the trend."""
        return None if self.trend is None else self.trend.slope


def judge_all(catalogue: Catalogue, histories: Histories, as_of: date) -> tuple[Judgement, ...]:
    """Return the judgements of every indicator, for the Région and, by its grain, each département.

    There is one judgement per milestone that applies to a territory, or one without a milestone. An
    indicator without a history is judged as never reported.
    """
    return tuple(
        judgement
        for indicator in catalogue.indicators
        for department in indicator.territories
        for judgement in judge_figure(indicator, department, histories, as_of)
    )


def judge_figure(
    indicator: Indicator, department: str | None, histories: Histories, as_of: date
) -> tuple[Judgement, ...]:
    """Return the judgements of one of an indicator's figures: those of `judge_all` about it."""
    history = histories.get((indicator.id, department), History())
    country = compared(histories, indicator, department)
    return tuple(
        judge(indicator, milestone, department, history, as_of, country=country)
        for milestone in _applicable(indicator, department)
    )


def compared(histories: Histories, indicator: Indicator, department: str | None) -> History | None:
    """Return the history to compare a territory's with: the country's, for the Région."""
    return histories.get((indicator.id, COUNTRY)) if department is None else None


def judge(
    indicator: Indicator,
    milestone: Milestone | None,
    department: str | None,
    history: History,
    as_of: date,
    *,
    country: History | None = None,
) -> Judgement:
    """Return the judgement of one indicator in one territory on a day.

    The projection and the status follow the trend of the history. With too few points for a trend
    there is no projection, and the status follows the mean pace since the baseline.

    A figure about persons is judged as published, on the last day published; a withheld one is
    judged as 0. It has no status where those of withheld cells could exceed what is promised.
    """
    today = as_of
    if history.publication is not None:
        as_of = history.publication.day(as_of)
    reading, value = history.reading(as_of), history.value(as_of)
    known = history.at_least(as_of)
    target = None if milestone is None else milestone.exact_target
    deadline = None if milestone is None else milestone.day
    baseline, direction = indicator.baseline_for(department), indicator.direction
    start = None if baseline is None else baseline.exact_value
    start_day = None if baseline is None else baseline.day
    stale = is_stale(
        reading.last_reported,
        day=deadline,
        reporting_delay_days=indicator.reporting_delay_days,
        as_of=as_of,
    )
    # Stale reports have no pace.
    trend = None if stale else _trend(indicator, history, as_of)
    projected, expected, attained_on, lost_on, required = None, None, None, None, None
    is_decided = known is not None or not history.withholds(as_of)
    if known is not None and target is not None:
        attained = history.attains(as_of, target, direction)
        is_decided = stale or attained is not None
        if not is_attained(known, target, direction):
            projected = _projection(indicator, trend, target, history, as_of, deadline)
            if projected is not None and (
                deadline is None
                or not _is_late(indicator, target, history, as_of, deadline, projected)
            ):
                expected = projected.day
        spells = history.spells(target, direction)
        if attained is not None:
            attained_on, lost_on = _held_or_lost(spells, start_day or date.min, as_of)
        # Of persons the deadline may have passed since the day that is published.
        days_left = 0 if deadline is None or deadline <= today else (deadline - as_of).days
        if value is not None and days_left > 0 and not is_attained(value, target, direction):
            required = (target - value) / days_left
    if trend is None:
        expected = projected_day(
            baseline=start,
            baseline_day=start_day,
            current=known,
            as_of=reference_day(
                reading.last_reported, as_of, carries_forward=indicator.carries_forward
            )
            or as_of,
            target=target,
            direction=direction,
        )
    return Judgement(
        indicator=indicator,
        milestone=milestone,
        department=department,
        as_of=as_of,
        value=value,
        numerator=reading.numerator,
        denominator=reading.denominator,
        last_reported=reading.last_reported,
        trend=trend,
        change=change_over(history, changed_since(history, as_of), as_of),
        status=None
        if not is_decided
        else milestone_status(
            value=known,
            target=target,
            day=deadline,
            direction=direction,
            stale=stale,
            projected=expected,
            as_of=_compared_on(indicator, history, deadline, today),
        ),
        progress_rate=progress_rate(start, value, target, direction) if is_decided else None,
        projected=projected,
        attained_on=attained_on,
        lost_on=lost_on,
        required_pace=required,
        country_value=None if country is None else country.value(as_of),
        withheld=history.withholds(as_of),
    )


def changed_since(history: History, as_of: date) -> date:
    """Return the day that a figure is compared with: `CHANGE_DAYS` before a day.

    Of persons it is the day published before: 30 days before the end of February, what had been
    published was of December.
    """
    if history.publication is None:
        return as_of - timedelta(days=CHANGE_DAYS)
    return history.publication.before(as_of)


def change_over(history: History, since: date, until: date) -> FigureChange | None:
    """Return a change, divided into the parts due to numerator and denominator.

    From n₀/d₀ to n₁/d₁: `(n₁ − n₀)/d₀` is due to the numerator, `n₁/d₁ − n₁/d₀` to the denominator.
    None where either value is blank.
    """
    before, after = history.value(since), history.value(until)
    if before is None or after is None:
        return None
    under = history.divisor if history.denominator is None else history.denominator.at(since)
    counted = Fraction(history.numerator.change(since, until), under)
    change = after - before
    return FigureChange(change, counted, change - counted)


def missed_from(indicator: Indicator, history: History, deadline: date) -> date:
    """Return the first day on which a milestone is missed whose target is not attained.

    It is the first day after its own on which the figure of its day can be known. Of persons it is
    known once it is published. Where reports are expected, it is known with a report of the
    deadline or of a later day, and without one after the delay of its availability.
    """
    after = deadline + timedelta(days=1)
    if history.publication is not None:
        return max(after, history.publication.published_on(deadline))
    if indicator.carries_forward:
        return after
    due = after + timedelta(days=indicator.availability_delay_days)
    index = bisect_left(history.reports, deadline)
    reported = history.reports[index] if index < len(history.reports) else due
    return max(after, min(reported, due))


def _compared_on(
    indicator: Indicator, history: History, deadline: date | None, today: date
) -> date:
    """Return the day to compare with a deadline: not beyond it before it can be missed."""
    if deadline is None or today <= deadline or today >= missed_from(indicator, history, deadline):
        return today
    return deadline


def _trend(indicator: Indicator, history: History, as_of: date) -> Trend | None:
    return observed_trend(
        history, indicator.trend, as_of, carries_forward=indicator.carries_forward
    )


def _projection(
    indicator: Indicator,
    trend: Trend | None,
    target: Fraction,
    history: History,
    as_of: date,
    deadline: date | None,
) -> Projection | None:
    """Return the projection from the reference day, or from a later change that lost the target."""
    day = reference_of(history, as_of, carries_forward=indicator.carries_forward) or as_of
    value = history.value(day)
    if value is not None and is_attained(value, target, indicator.direction):
        day = history.last_change(as_of) or as_of
        value = history.value(day)
    if value is None:
        return None
    return project(
        trend,
        value=value,
        target=target,
        direction=indicator.direction,
        as_of=day,
        deadline=deadline,
    )


def _is_late(
    indicator: Indicator,
    target: Fraction,
    history: History,
    as_of: date,
    deadline: date,
    projected: Projection | None,
) -> bool:
    """Return True for a projection after the deadline, or in the margin before it after a late one.

    A projection within `margin_days` before the deadline keeps the result of the previous
    projection. A previous figure that was attained, or had too few points, counts as in time.
    """
    clear = deadline - timedelta(days=indicator.trend.margin_days)
    still = indicator.carries_forward
    while projected is not None and clear < projected.day <= deadline:
        start = reference_of(history, as_of, carries_forward=still) or as_of
        # The reference day within a month is the end of the month before.
        as_of = start if still else start - timedelta(days=1)
        value = history.value(as_of)
        trend = _trend(indicator, history, as_of)
        if trend is None or value is None or is_attained(value, target, indicator.direction):
            return False
        projected = _projection(indicator, trend, target, history, as_of, deadline)
    return projected is None or projected.day > deadline


def _applicable(indicator: Indicator, department: str | None) -> Iterator[Milestone | None]:
    found = [milestone for milestone in indicator.milestones if milestone.holds(department)]
    yield from found
    if not found:
        yield None


def _held_or_lost(
    spells: Sequence[Spell], since: date, as_of: date
) -> tuple[date | None, date | None]:
    """Return the day since which the target is held, or the day of its loss, from `since` on."""
    for start, end in reversed(spells):
        if start > as_of:
            continue
        if end is None or end > as_of:
            return (max(start, since) if since <= as_of else None), None
        return None, (end if end > since else None)
    return None, None
