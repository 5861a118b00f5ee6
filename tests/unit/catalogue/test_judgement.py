"""Judging a milestone by its figure's history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, takewhile
from math import ceil
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catalogue.history import COUNTRY, Histories, History, StepFunction
from catalogue.judgement import (
    CHANGE_DAYS,
    FigureChange,
    Judgement,
    change_over,
    judge,
    judge_all,
    judge_figure,
)
from catalogue.loader import load_catalogue
from catalogue.model import Direction, Indicator, Milestone
from catalogue.progress import MilestoneStatus, is_attained
from catalogue.publication import Publication, PublicationStep
from catalogue.reference_day import month_end_before
from catalogue.trend import Projection
from tests.support.figure_histories import FIRST_DAY, figure_histories, history_of

CATALOGUE = load_catalogue()
AS_OF = date(2018, 7, 2)
AWAITED = date(2021, 1, 1)
"""A deadline of 2020 has passed, and its figure is not published yet."""
NONE: list[str | None] = [None]
DAYS = [FIRST_DAY + timedelta(days=day) for day in range(-2, 34)]

any_day = st.sampled_from(DAYS)
targets = st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1), Decimal(2)])


def promised(
    *,
    target: Decimal | None = Decimal(1_000),
    day: date | None = date(2020, 12, 31),
    direction: Direction = Direction.RISING,
    **more: Any,
) -> Indicator:
    return Indicator.model_validate(
        {
            "id": "sites",
            "title": "Sites",
            "definition": "Sites ouverts.",
            "unit": "count",
            "direction": direction,
            "grain": "region",
            "measure": {"count": "coworking.opened"},
            "periodicity": "irregular",
            "availability_delay_days": 0,
            "baseline": {"value": 0, "day": date(2016, 1, 1), "source": "Un test."},
            "milestones": [{"id": "promised", "target": target, "day": day, "source": "Un test."}],
            **more,
        }
    )


def judged(indicator: Indicator, history: History, as_of: date = AS_OF) -> Judgement:
    return judge(indicator, indicator.milestones[0], None, history, as_of)


def steady(pace: int, *, start: int = 0, since: date = date(2016, 1, 1)) -> History:
    days = (AS_OF - since).days
    return history_of(lambda day: start + pace * day, since=since, days=days)


def sites(*totals: tuple[date, int]) -> History:
    days = tuple(day for day, _ in totals)
    return History(StepFunction(days, tuple(total for _, total in totals)), None, days)


def test_the_projection_follows_the_trend_and_not_the_baseline() -> None:
    """Two slow years and one fast: the pace of the last year says when."""
    days = (AS_OF - date(2016, 1, 1)).days
    accelerating = history_of(
        lambda day: day if day < days - 400 else days - 400 + 2 * (day - days + 400),
        since=date(2016, 1, 1),
        days=days,
    )
    left = 2_000 - (days + 400)
    judgement = judged(promised(target=Decimal(2_000)), accelerating)
    expected = AS_OF + timedelta(days=-(-left // 2))
    assert judgement.observed_pace == 2
    assert judgement.projected == Projection(expected, expected, expected)


@pytest.mark.parametrize(
    ("periodicity", "deadline", "status"),
    [
        ("annual", date(2018, 1, 1), "at_risk"),
        ("annual", date(2018, 1, 2), "on_track"),
        ("irregular", date(2018, 4, 27), "at_risk"),
        ("irregular", date(2018, 4, 28), "on_track"),
    ],
)
@pytest.mark.parametrize("direction", Direction)
def test_with_too_few_points_the_pace_is_that_until_the_figure_is_known(
    direction: Direction, periodicity: str, deadline: date, status: str
) -> None:
    """Until the last report or, where a silence means no change, the end of the month before."""
    baseline, target = (0, 100) if direction is Direction.RISING else (100, 0)
    indicator = promised(
        target=Decimal(target),
        day=deadline,
        direction=direction,
        periodicity=periodicity,
        baseline={"value": baseline, "day": date(2016, 1, 1), "source": "Un test."},
    )
    halfway = sites((date(2017, 1, 1), 50))
    assert judged(indicator, halfway, date(2017, 3, 15)).status == status


@pytest.mark.parametrize(
    ("target", "status"),
    [(1_000, "achieved"), (3_000, "on_track"), (3_700, "at_risk")],
)
def test_the_status_follows_the_projection(target: int, status: str) -> None:
    assert judged(promised(target=Decimal(target)), steady(2)).status == status


def test_a_figure_that_stands_still_is_at_risk_however_fast_it_was() -> None:
    stopped = history_of(lambda day: min(day, 400) * 2, since=date(2016, 1, 1), days=913)
    judgement = judged(promised(), stopped)
    assert judgement.observed_pace == 0
    assert judgement.projected is None
    assert judgement.status is MilestoneStatus.AT_RISK


@st.composite
def long_histories(draw: st.DrawFn) -> History:
    days = st.integers(FIRST_DAY.toordinal(), FIRST_DAY.toordinal() + 1_100)
    steps = draw(st.dictionaries(days, st.integers(-20, 60), min_size=6, max_size=40))
    extra = draw(st.sets(days, max_size=5))
    reports = tuple(map(date.fromordinal, sorted({*steps, *extra})))
    return History(StepFunction.of(steps), None, reports)


@given(
    long_histories(),
    st.sampled_from(["irregular", "monthly", "quarterly", "annual"]),
    st.dates(FIRST_DAY, FIRST_DAY + timedelta(days=1_500)),
    st.integers(1, 30),
    st.sampled_from([{}, {"window_days": 368, "step_days": 92, "at_least": 4}]),
)
def test_no_new_fact_and_the_same_month_is_the_same_projection(
    history: History, periodicity: str, as_of: date, days: int, trend: dict[str, int]
) -> None:
    """Whatever is expected and sampled: time alone moves neither a projection nor a risk."""
    later = as_of + timedelta(days=days)
    assume(later.month == as_of.month)
    assume(history.last_change(as_of) == history.last_change(later))
    indicator = promised(periodicity=periodicity, trend=trend, day=date(2025, 1, 1))
    before, after = (judged(indicator, history, day) for day in (as_of, later))
    if MilestoneStatus.UNREPORTED not in (before.status, after.status):
        assert (after.projected, after.trend) == (before.projected, before.trend)
        assert after.status == before.status


@pytest.mark.slow
@given(long_histories(), st.dates(FIRST_DAY, FIRST_DAY + timedelta(days=1_500)))
def test_what_is_expected_moves_its_projection_with_reports_alone(
    history: History, as_of: date
) -> None:
    """However many months pass: reports that have stopped are missed, and stall nothing."""
    indicator = promised(periodicity="annual", availability_delay_days=3_000)
    last = history.last_change(as_of)
    assume(last is not None)
    months_later = as_of + timedelta(days=400)
    assume(history.last_change(months_later) == last)
    before, after = (judged(indicator, history, day) for day in (as_of, months_later))
    assert (after.projected, after.trend) == (before.projected, before.trend)


def monthly(*totals: int) -> History:
    ends = [month_end_before(date(2019, 2, 1), months=1 - month) for month in range(len(totals))]
    return sites(*zip(ends, totals, strict=True))


SWAYING = monthly(100, 150, 200, 240, 300, 330, 390, 450)


@pytest.mark.parametrize(
    ("as_of", "margin", "status"),
    [
        (date(2019, 6, 1), 30, "on_track"),
        (date(2019, 7, 1), 30, "at_risk"),
        (date(2019, 8, 1), 0, "on_track"),
        (date(2019, 8, 1), 30, "at_risk"),
        (date(2019, 9, 1), 30, "on_track"),
    ],
    ids=["in time", "late", "just in time, no margin", "just in time after late", "clearly"],
)
def test_a_risk_is_over_when_the_target_is_projected_clearly_in_time(
    as_of: date, margin: int, status: str
) -> None:
    """4 days before its day is on track after no risk, and still at risk after one."""
    trend = {"window_days": 95, "step_days": 31, "at_least": 3, "margin_days": margin}
    indicator = promised(trend=trend, day=date(2020, 8, 31))
    assert judged(indicator, SWAYING, as_of).status == status


@pytest.mark.parametrize(
    ("day", "margin", "status"),
    [
        (date(2020, 8, 27), 30, "at_risk"),
        (date(2020, 8, 31), 5, "at_risk"),
        (date(2020, 8, 31), 4, "on_track"),
        (date(2020, 8, 27), 0, "on_track"),
    ],
    ids=["on its very day", "within the margin", "as early as the margin asks", "no margin"],
)
def test_a_projection_is_in_the_margin_from_its_second_day_to_the_deadline(
    day: date, margin: int, status: str
) -> None:
    """The figure of July is projected to 27 August; that of June was late."""
    trend = {"window_days": 95, "step_days": 31, "at_least": 3, "margin_days": margin}
    indicator = promised(trend=trend, day=day)
    assert judged(indicator, SWAYING, date(2019, 7, 1)).status is MilestoneStatus.AT_RISK
    judgement = judged(indicator, SWAYING, date(2019, 8, 1))
    assert judgement.projected is not None
    assert judgement.projected.day == date(2020, 8, 27)
    assert judgement.status == status


@pytest.mark.parametrize(("june", "status"), [(990, "on_track"), (850, "at_risk")])
def test_after_a_loss_the_margin_keeps_the_status_of_the_projection_from_the_loss(
    june: int, status: str
) -> None:
    """The figure of May was attained, that of June 10 or 150 short; the ones before were late."""
    trend = {"window_days": 95, "step_days": 31, "at_least": 3, "margin_days": 30}
    indicator = promised(trend=trend, day=date(2019, 7, 20))
    lost = monthly(50, 100, 150, 200, 1_000, june)
    assert judged(indicator, lost, date(2019, 5, 1)).status is MilestoneStatus.AT_RISK
    assert judged(indicator, lost, date(2019, 6, 30)).status == status
    judgement = judged(indicator, lost, date(2019, 7, 1))
    assert judgement.projected is not None
    assert date(2019, 6, 20) < judgement.projected.day <= date(2019, 7, 20)
    assert judgement.status == status


def test_where_reports_are_expected_the_figure_before_may_be_that_of_the_day_before() -> None:
    """One report a day: in time, late, just in time after late, clearly in time."""
    trend = {"window_days": 3, "step_days": 1, "at_least": 3, "margin_days": 3}
    indicator = promised(trend=trend, periodicity="annual", day=date(2019, 1, 21))
    totals = enumerate(SWAYING.numerator.totals, start=1)
    daily = sites(*((date(2019, 1, day), total) for day, total in totals))
    statuses = [judged(indicator, daily, day).status for day in daily.reports[4:]]
    assert statuses == ["on_track", "at_risk", "at_risk", "on_track"]


@pytest.mark.slow
@settings(max_examples=40)
@given(
    long_histories(),
    st.sampled_from(["irregular", "annual"]),
    st.dates(FIRST_DAY + timedelta(days=300), FIRST_DAY + timedelta(days=1_200)),
    st.integers(0, 99),
)
def test_in_the_margin_a_milestone_is_at_risk_as_it_was_for_the_figure_before(
    history: History, periodicity: str, as_of: date, early: int
) -> None:
    """The figure before is that of the month before, or of the day before what was expected."""
    asked: dict[str, Any] = {
        "target": Decimal(5_000),
        "periodicity": periodicity,
        "availability_delay_days": 3_000,
        "trend": {"margin_days": 100, "at_least": 3},
    }
    far = date(2090, 1, 1)
    projected = judged(promised(**asked, day=far), history, as_of).projected
    assume(projected is not None and as_of <= projected.day < far)
    assert projected is not None
    indicator = promised(**asked, day=projected.day + timedelta(days=early))
    last = history.last_change(as_of)
    assert last is not None
    before = month_end_before(as_of) if indicator.carries_forward else last - timedelta(days=1)

    earlier, later = (judged(indicator, history, day) for day in (before, as_of))
    was_at_risk = earlier.trend is not None and earlier.status is MilestoneStatus.AT_RISK
    assert (later.status is MilestoneStatus.AT_RISK) is was_at_risk


def test_a_count_without_new_events_stalls_at_the_end_of_a_month() -> None:
    """Irregular facts never grow old: that nothing comes is seen once a month, and no sooner."""
    stopped = history_of(lambda day: 2 * min(day, 880), since=date(2016, 1, 1), days=880)
    indicator = promised(target=Decimal(3_000))
    days = [date(2018, 6, 1) + timedelta(days=day) for day in range(92)]
    projected = [judged(indicator, stopped, day).projected for day in days]
    moved = [
        day
        for day, (before, after) in zip(days[1:], pairwise(projected), strict=True)
        if before != after
    ]
    assert moved == [date(2018, 7, 1), date(2018, 8, 1)]
    assert all(one is not None for one in projected)
    assert judged(indicator, stopped, date(2019, 6, 1)).status is MilestoneStatus.AT_RISK


def test_a_target_lost_within_the_month_is_projected_from_the_loss() -> None:
    days = (AS_OF - date(2016, 1, 1)).days
    lost = history_of(lambda day: 2 * day - 30 * (day == days), since=date(2016, 1, 1), days=days)
    for as_of in (AS_OF, AS_OF + timedelta(days=2)):
        judgement = judged(promised(target=Decimal(1_815)), lost, as_of)
        assert judgement.lost_on == AS_OF
        assert judgement.projected is not None
        assert judgement.projected.day == AS_OF + timedelta(days=10)


def test_too_short_a_history_is_judged_by_its_mean_pace_and_projects_nothing() -> None:
    """Five points of six: the status is that of the line from the baseline, no day is projected."""
    young = steady(1, since=AS_OF - timedelta(days=149))
    judgement = judged(promised(target=Decimal(160)), young)
    assert (judgement.trend, judgement.projected) == (None, None)
    assert judgement.status is MilestoneStatus.ON_TRACK


def test_a_history_that_fell_silent_has_no_pace() -> None:
    """Half a year without a report is unreported; its flat end is no sign of standing still."""
    silent = history_of(lambda day: day, since=date(2016, 1, 1), days=730)
    judgement = judged(promised(periodicity="monthly"), silent)
    assert judgement.status is MilestoneStatus.UNREPORTED
    assert (judgement.trend, judgement.projected) == (None, None)
    assert judgement.value == 730


def test_no_report_is_needed_after_the_deadline() -> None:
    deadline = AS_OF - timedelta(days=365)
    indicator = promised(periodicity="monthly", day=deadline, target=Decimal(10))

    judgement = judged(indicator, sites((deadline - timedelta(days=3), 9)))

    assert judgement.status is MilestoneStatus.MISSED


@pytest.mark.parametrize(
    ("as_of", "reported", "status"),
    [
        (date(2020, 12, 31), 900, MilestoneStatus.AT_RISK),
        (date(2021, 1, 1), 900, MilestoneStatus.AT_RISK),
        (date(2021, 1, 1), 990, MilestoneStatus.ON_TRACK),
        (date(2021, 2, 14), 900, MilestoneStatus.AT_RISK),
        (date(2021, 2, 15), 900, MilestoneStatus.MISSED),
        (date(2021, 2, 15), 990, MilestoneStatus.MISSED),
    ],
)
def test_a_milestone_is_not_missed_while_the_report_of_its_day_may_be_on_its_way(
    as_of: date, reported: int, status: MilestoneStatus
) -> None:
    """Each quarter's report is there within 45 days: September's does not decide for December."""
    indicator = promised(periodicity="quarterly", availability_delay_days=45)
    history = sites((date(2020, 6, 30), 800), (date(2020, 9, 30), reported))
    assert judged(indicator, history, as_of).status is status


@pytest.mark.parametrize(
    ("total", "status"), [(999, MilestoneStatus.MISSED), (1_000, MilestoneStatus.ACHIEVED)]
)
def test_the_report_of_a_milestone_s_day_decides_at_once(
    total: int, status: MilestoneStatus
) -> None:
    indicator = promised(periodicity="quarterly", availability_delay_days=45)
    history = sites((date(2020, 9, 30), 900), (date(2020, 12, 31), total))
    assert judged(indicator, history, date(2021, 1, 1)).status is status


def test_what_is_told_when_it_happens_is_missed_on_the_day_after() -> None:
    indicator = promised(availability_delay_days=45)
    history = sites((date(2020, 9, 30), 900))
    assert judged(indicator, history, date(2021, 1, 1)).status is MilestoneStatus.MISSED


def test_what_was_never_reported_is_unreported() -> None:
    judgement = judged(promised(), History())
    assert judgement.status is MilestoneStatus.UNREPORTED
    assert {
        judgement.value,
        judgement.last_reported,
        judgement.trend,
        judgement.change,
        judgement.progress_rate,
        judgement.projected,
        judgement.attained_on,
        judgement.lost_on,
        judgement.required_pace,
    } == {None}


@pytest.mark.parametrize(
    ("target", "day"),
    [(1_000, date(2020, 12, 31)), (3_000, AS_OF), (3_000, date(2018, 1, 1)), (3_000, None)],
    ids=["attained", "on its day", "after its day", "no day"],
)
def test_there_is_no_required_pace(target: int, day: date | None) -> None:
    assert judged(promised(target=Decimal(target), day=day), steady(2)).required_pace is None


@given(st.integers(1, 50), st.integers(1, 900))
def test_the_required_pace_is_enough(pace: int, days_left: int) -> None:
    day = AS_OF + timedelta(days=days_left)
    judgement = judged(promised(target=Decimal(100_000), day=day), steady(pace))
    assert judgement.value is not None
    assert judgement.required_pace is not None
    assert judgement.value + judgement.required_pace * days_left == 100_000


def test_a_falling_promise_requires_a_falling_pace() -> None:
    falling = promised(
        direction=Direction.FALLING,
        target=Decimal(0),
        baseline={"value": 3_000, "day": date(2016, 1, 1), "source": "Un test."},
    )
    judgement = judged(falling, steady(-1, start=3_000))
    assert judgement.observed_pace == -1
    assert judgement.required_pace == Fraction(-(3_000 - 913), 913)
    assert judgement.projected is not None
    assert judgement.projected.day == AS_OF + timedelta(days=3_000 - 913)


@given(figure_histories, targets, st.sampled_from(Direction), any_day, st.none() | any_day)
def test_attainment_and_loss_are_those_of_a_scan_of_every_day(
    history: History, target: Decimal, direction: Direction, as_of: date, baseline_day: date | None
) -> None:
    baseline = {"value": 0, "day": baseline_day, "source": "Un test."} if baseline_day else None
    indicator = promised(target=target, direction=direction, baseline=baseline)

    def held(on: date) -> bool:
        value = history.value(on)
        return value is not None and is_attained(value, target, direction)

    back = [on for on in reversed(DAYS) if on <= as_of and (not baseline_day or on >= baseline_day)]
    attained_on, lost_on = None, None
    if any(map(held, back)) and history.value(as_of) is not None:
        missing = list(takewhile(lambda on: not held(on), back))
        lost_on = missing[-1] if missing else None
        attained_on = None if missing else list(takewhile(held, back))[-1]
    judgement = judged(indicator, history, as_of)
    assert (judgement.attained_on, judgement.lost_on) == (attained_on, lost_on)


KEPT = promised(
    target=Decimal(41), baseline={"value": 41, "day": date(2016, 1, 1), "source": "Un test."}
)
KEPT_LOST_KEPT = sites(
    (date(2015, 9, 1), 41), (date(2017, 3, 1), 40), (date(2017, 9, 1), 42), (date(2018, 1, 1), 41)
)


@pytest.mark.parametrize(
    ("as_of", "attained_on", "lost_on"),
    [
        (date(2017, 2, 28), date(2016, 1, 1), None),
        (date(2017, 3, 1), None, date(2017, 3, 1)),
        (date(2017, 8, 31), None, date(2017, 3, 1)),
        (date(2017, 9, 1), date(2017, 9, 1), None),
        (date(2020, 1, 1), date(2017, 9, 1), None),
    ],
    ids=["kept", "lost", "still lost", "regained", "kept again"],
)
def test_a_target_to_keep_is_lost_and_regained(
    as_of: date, attained_on: date | None, lost_on: date | None
) -> None:
    judgement = judged(KEPT, KEPT_LOST_KEPT, as_of)
    assert (judgement.attained_on, judgement.lost_on) == (attained_on, lost_on)


@pytest.mark.parametrize("closed_on", [date(2015, 6, 1), date(2016, 1, 1)])
def test_what_was_attained_before_the_promise_and_not_since_is_not_lost(closed_on: date) -> None:
    """42 sites until the eve of the promise are no promise kept and broken."""
    judgement = judged(KEPT, sites((date(2014, 1, 1), 42), (closed_on, 30)))
    assert (judgement.attained_on, judgement.lost_on) == (None, None)


def test_before_the_promise_nothing_is_attained_nor_left_to_do() -> None:
    """41 sites in 2015 hold the target of 2016; the promise begins on its baseline's day."""
    judgement = judged(KEPT, KEPT_LOST_KEPT, date(2015, 10, 1))
    assert judgement.status is MilestoneStatus.ACHIEVED
    assert (judgement.attained_on, judgement.lost_on, judgement.required_pace) == (None, None, None)


@given(figure_histories, any_day, any_day)
def test_a_change_is_divided_by_its_cause(history: History, since: date, until: date) -> None:
    before, after = history.value(since), history.value(until)
    change = change_over(history, since, until)
    if before is None or after is None:
        assert change is None
        return
    assert change is not None
    under = history.divisor if history.denominator is None else history.denominator.at(since)
    counted = Fraction(history.numerator.change(since, until), under)
    assert change == FigureChange(after - before, counted, after - before - counted)


def test_a_recount_of_premises_is_distinguished_from_a_loss() -> None:
    """All 1 000 premises of Paris, then 1 040 counted: the value falls, no link was lost."""
    paris = History(
        numerator=StepFunction((date(2018, 9, 30),), (1_000,)),
        denominator=StepFunction((date(2018, 9, 30), date(2019, 6, 30)), (1_000, 1_040)),
        reports=(date(2018, 9, 30), date(2019, 6, 30)),
    )
    coverage = CATALOGUE.indicator("premises_connectable_ratio")
    judgement = judge(coverage, coverage.milestones[0], "75", paris, date(2019, 7, 1))
    assert (judgement.numerator, judgement.denominator) == (1_000, 1_040)
    assert judgement.change == FigureChange(Fraction(-1, 26), Fraction(0), Fraction(-1, 26))
    assert (judgement.attained_on, judgement.lost_on) == (None, date(2019, 6, 30))


def test_each_territory_is_judged_by_each_milestone_that_it_is_held_to() -> None:
    judgements = judge_all(CATALOGUE, {}, AS_OF)
    assert [
        (one.indicator.id, one.department, one.milestone and one.milestone.id) for one in judgements
    ] == [
        (indicator.id, department, milestone)
        for indicator in CATALOGUE.indicators
        for department in indicator.territories
        for milestone in [one.id for one in indicator.milestones if one.holds(department)] or NONE
    ]


def test_several_milestones_are_judged_each_by_itself() -> None:
    milestones = [
        Milestone(id=f"by_{year}", target=Decimal(target), day=date(year, 6, 30), source="Un test.")
        for year, target in ((2017, 500), (2018, 2_500), (2019, 2_500))
    ]
    indicator = promised(milestones=milestones)
    judgements = [judge(indicator, one, None, steady(2), AS_OF) for one in indicator.milestones]
    assert [one.status for one in judgements] == ["achieved", "missed", "on_track"]
    assert judgements[0].attained_on == date(2016, 1, 1) + timedelta(days=250)


@pytest.mark.parametrize("promise", [None, promised(target=None).milestones[0]])
def test_without_a_target_a_figure_has_a_value_and_a_pace_alone(promise: Milestone | None) -> None:
    history = sites(*((date(2016, 1, 1) + timedelta(days=day), 2 * day) for day in range(914)))
    judgement = judge(promised(), promise, None, history, AS_OF)
    assert (judgement.value, judgement.observed_pace) == (Fraction(1_826), Fraction(2))
    assert (judgement.numerator, judgement.denominator) == (1_826, None)
    assert (judgement.as_of, judgement.last_reported) == (AS_OF, AS_OF)
    assert CHANGE_DAYS == 30
    assert judgement.change == FigureChange(Fraction(60), Fraction(60), Fraction(0))
    assert {
        judgement.status,
        judgement.progress_rate,
        judgement.projected,
        judgement.required_pace,
        judgement.attained_on,
        judgement.lost_on,
    } == {None}


def test_the_region_alone_is_compared_with_the_country() -> None:
    indicator = promised()
    histories: Histories = {
        (indicator.id, None): steady(2),
        (indicator.id, "77"): steady(1),
        (indicator.id, COUNTRY): steady(30),
    }
    region, department = (
        judge_figure(indicator, territory, histories, AS_OF) for territory in (None, "77")
    )
    days = (AS_OF - date(2016, 1, 1)).days
    assert [one.country_value for one in region] == [30 * days]
    assert [one.country_value for one in department] == [None]
    assert [one.value for one in (*region, *department)] == [2 * days, days]


def test_the_region_s_level_is_no_baseline_of_a_department() -> None:
    region, department = (
        judge(KEPT, KEPT.milestones[0], territory, KEPT_LOST_KEPT, date(2017, 3, 1))
        for territory in (None, "77")
    )
    assert region.progress_rate == 0
    assert department.progress_rate is None


def test_a_count_that_stands_still_is_projected_from_the_end_of_the_month_before() -> None:
    """1 760 since May: what is left at the pace found begins on 30 June, not on the last fact."""
    stopped = history_of(lambda day: 2 * min(day, 880), since=date(2016, 1, 1), days=880)
    judgement = judged(promised(target=Decimal(3_000)), stopped)
    assert judgement.observed_pace is not None
    assert judgement.projected is not None
    left = Fraction(3_000 - 1_760)
    assert judgement.projected.day == date(2018, 6, 30) + timedelta(
        days=ceil(left / judgement.observed_pace)
    )


def test_a_figure_of_too_few_persons_is_withheld_and_judged_as_none_attained() -> None:
    """3 persons are not shown; that they are fewer than was promised is."""
    day = date(2018, 6, 30)
    few = replace(
        sites((day, 0)), publication=Publication(10, PublicationStep.MONTHLY, 0)
    )  # As published: a count below 10 is 0.
    judgement = judged(promised(), few)
    assert judgement.withheld
    assert judgement.value is None
    assert judgement.status is MilestoneStatus.AT_RISK
    assert not judged(promised(), steady(2)).withheld


@pytest.mark.parametrize(
    ("direction", "published", "at_most_withheld", "status"),
    [
        (Direction.FALLING, 90, 9, MilestoneStatus.ACHIEVED),
        (Direction.FALLING, 90, 11, None),
        (Direction.FALLING, 110, 9, MilestoneStatus.ON_TRACK),
        (Direction.RISING, 90, 11, MilestoneStatus.ON_TRACK),
    ],
    ids=["not exceeded", "perhaps exceeded", "exceeded", "to be reached"],
)
def test_only_a_limit_that_withheld_persons_may_exceed_is_not_judged(
    direction: Direction, published: int, at_most_withheld: int, status: MilestoneStatus | None
) -> None:
    day = date(2018, 6, 30)
    few = replace(
        sites((day, published)),
        publication=Publication(10, PublicationStep.MONTHLY, 0),
        withheld=StepFunction((day,), (at_most_withheld,)),
    )
    before = 120 if direction is Direction.FALLING else 0
    limited = promised(
        target=Decimal(100),
        direction=direction,
        baseline={"value": before, "day": date(2016, 1, 1), "source": "Un test."},
    )
    judgement = judged(limited, few)
    assert judgement.status is status
    assert (judgement.progress_rate is None) is (status is None)


def test_a_withheld_ratio_has_no_status() -> None:
    """A withheld count is at least 0; of a ratio nothing is known."""
    day = date(2018, 6, 30)
    few = replace(
        sites((day, 0)),
        denominator=StepFunction((day,), (40,)),
        publication=Publication(10, PublicationStep.MONTHLY, 0),
    )
    assert judged(promised(), few).status is None


@pytest.mark.parametrize(
    ("as_of", "deadline", "status"),
    [
        (date(2017, 12, 31), date(2017, 12, 31), MilestoneStatus.AT_RISK),
        (date(2018, 1, 1), date(2017, 12, 31), MilestoneStatus.MISSED),
        (AS_OF, date(2017, 12, 31), MilestoneStatus.MISSED),
        (AS_OF, date(2018, 3, 31), MilestoneStatus.AT_RISK),
        (date(2018, 12, 31), date(2018, 3, 31), MilestoneStatus.MISSED),
    ],
)
def test_of_persons_a_milestone_is_missed_once_its_figure_is_published(
    as_of: date, deadline: date, status: MilestoneStatus
) -> None:
    """That of the deadline: the next one, a year later, decides nothing."""
    yearly = replace(
        sites((date(2016, 12, 31), 100), (date(2017, 12, 31), 110), (date(2018, 12, 31), 120)),
        publication=Publication(10, PublicationStep.ANNUAL, 0),
    )
    assert judged(promised(day=deadline), yearly, as_of).status is status


def test_of_persons_a_change_is_that_since_the_publication_before() -> None:
    """30 days before the end of February, the count of December was the published one."""
    days = (date(2017, 12, 31), date(2018, 1, 31), date(2018, 2, 28))
    monthly = replace(
        sites((days[0], 100), (days[1], 150), (days[2], 170)),
        publication=Publication(10, PublicationStep.MONTHLY, 0),
    )
    judgement = judged(promised(), monthly, date(2018, 3, 20))
    assert judgement.change == FigureChange(Fraction(20), Fraction(20), Fraction(0))


@pytest.mark.parametrize(
    ("as_of", "is_there"),
    [(date(2020, 12, 30), True), (date(2020, 12, 31), False), (AWAITED, False)],
)
def test_of_persons_no_pace_is_required_from_the_deadline_on(
    as_of: date, *, is_there: bool
) -> None:
    yearly = replace(
        sites((date(2019, 12, 31), 100)),
        publication=Publication(10, PublicationStep.ANNUAL, 30),
    )
    judgement = judged(promised(), yearly, as_of)
    assert judgement.status is MilestoneStatus.AT_RISK
    assert (judgement.required_pace is not None) is is_there
