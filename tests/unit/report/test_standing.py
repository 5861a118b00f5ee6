"""How a promise stands, cell by cell."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formatting import BLANK, MINUS
from catalogue.history import History, StepFunction
from catalogue.judgement import judge
from catalogue.model import Direction, Milestone
from catalogue.publication import Publication, PublicationStep
from report.reasons import WITHHELD
from report.standing import AWAITED, Standing, TextCell, change_text, shown_change, signed
from tests.support.knowledge import LAST_DAY, knowledge, shipped

DAYS = [date(2010, 1, 1), date(2016, 1, 1), date(2016, 7, 14), date(2017, 12, 31), LAST_DAY]
CELLS = (
    "status",
    "value",
    "parts",
    "target",
    "deadline",
    "progress",
    "projection",
    "change",
    "pace",
    "required_pace",
    "attained",
    "last_reported",
)


def cells(standing: Standing) -> dict[str, TextCell]:
    return {name: getattr(standing, name) for name in CELLS}


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_cell_has_a_text_or_a_reason(day: date) -> None:
    for standing in knowledge().standings(day):
        for name, cell in cells(standing).items():
            where = standing.indicator.id, standing.key, name
            assert bool(cell.text) != bool(cell.reason), where
            assert BLANK not in (cell.text, cell.reason, cell.note), where


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_cell_is_empty_only_where_nothing_is_known(day: date) -> None:
    for standing in knowledge().standings(day):
        judgement = standing.judgement
        assert bool(standing.value.text) == (judgement.value is not None)
        assert bool(standing.projection.text) == (judgement.projected is not None)
        assert bool(standing.change.text) == (judgement.change is not None)
        assert bool(standing.progress.text) == (judgement.progress_rate is not None)
        assert bool(standing.status.text) == (judgement.status is not None)


@pytest.mark.parametrize("day", [*DAYS, date(2019, 6, 30)], ids=str)
def test_a_denominator_is_called_zero_only_where_it_is(day: date) -> None:
    for standing in knowledge().standings(day):
        for name, cell in cells(standing).items():
            found = re.search(r"dénominateur est nul depuis le (\d\d)/(\d\d)/(\d{4})$", cell.reason)
            assert (found is not None) == ("dénominateur est nul" in cell.reason)
            if found is not None and name != "change":
                where = standing.indicator.id, name
                since, under = date(*map(int, found.groups()[::-1])), standing.history.denominator
                assert standing.judgement.denominator == 0, where
                assert under is not None
                assert under.at(since) == 0, where
                assert under.at(since - timedelta(days=1)) or since == standing.history.reports[0]


def test_what_withheld_persons_could_decide_is_not_said_to_be_attained() -> None:
    """15 persons are shown as 15, and up to 16 others are not: 30 may be exceeded."""
    shown = date(2018, 1, 31)
    history = History(
        StepFunction((shown,), (15,)),
        None,
        (shown,),
        publication=Publication(5, PublicationStep.MONTHLY, 0),
        withheld=StepFunction((shown,), (16,)),
    )
    milestone = Milestone(id="few", target=Decimal(30), day=LAST_DAY, source="Un test.")
    enrolled = shipped().indicator("trainees_enrolled")
    falling = enrolled.model_copy(
        update={"direction": Direction.FALLING, "milestones": (milestone,)}
    )
    judgement = judge(falling, milestone, None, history, shown)
    standing = Standing(judgement, history, (), shown)
    unknown = {"status", "progress", "projection", "required_pace", "attained"}
    assert {name for name, cell in cells(standing).items() if cell.reason == WITHHELD} == unknown


@pytest.mark.parametrize(
    ("day", "note"),
    [(date(2020, 12, 31), ""), (date(2021, 1, 1), AWAITED), (date(2021, 2, 15), "")],
)
def test_a_deadline_is_past_before_its_report_is_there(day: date, note: str) -> None:
    """A promise that is still at risk, a month after its day, reads like a mistake."""
    covered = shipped().indicator("premises_connectable_ratio")
    (milestone,) = covered.milestones
    reports = (date(2020, 6, 30), date(2020, 9, 30))
    history = History(
        StepFunction(reports, (800, 900)), StepFunction(reports[:1], (1_000,)), reports
    )
    judgement = judge(covered, milestone, None, history, day)

    assert Standing(judgement, history, (), day).deadline == TextCell("31/12/2020", note=note)


def test_of_persons_a_deadline_is_past_before_its_figure_is_published() -> None:
    """The day that is published is before it: the reader's is not."""
    milestone = Milestone(id="many", target=Decimal(100), day=LAST_DAY, source="Un test.")
    enrolled = (
        shipped().indicator("trainees_enrolled").model_copy(update={"milestones": (milestone,)})
    )
    shown = date(2018, 11, 30)
    history = History(
        StepFunction((shown,), (50,)),
        None,
        (shown,),
        publication=Publication(10, PublicationStep.MONTHLY, 15),
    )
    day = date(2019, 1, 1)
    standing = Standing(judge(enrolled, milestone, None, history, day), history, (), day)

    assert standing.value.note == "publié au 30/11/2018"
    assert standing.deadline == TextCell("31/12/2018", note=AWAITED)
    assert standing.required_pace.reason == "l’échéance est passée"


SINCE = date(2016, 12, 31)


@pytest.mark.parametrize("until", [SINCE, date(2017, 1, 1), date(2018, 2, 28), LAST_DAY], ids=str)
def test_points_are_the_first_day_each_change_and_the_last_day(until: date) -> None:
    for standing in knowledge().standings(LAST_DAY):
        history = standing.history
        points = standing.points(SINCE, until)
        published = history.publication
        known = until if published is None else published.day(until)
        changed = {day for day in history.changes() if SINCE <= day <= known}
        assert [day for day, _ in points] == sorted({SINCE, until, *changed})
        values = [history.value(min(day, known)) for day, _ in points]
        assert [value for _, value in points] == [
            None if value is None else float(value) for value in values
        ]


@given(st.fractions(min_value=-(10**9), max_value=10**9), st.integers(0, 3))
def test_a_signed_number_is_the_rounded_one(amount: Fraction, decimals: int) -> None:
    text = signed(amount, decimals)
    number = read(text)
    assert abs(number - amount) <= Fraction(1, 2 * 10**decimals)
    assert text[0] in {"+", MINUS} if number else text[0] == "0"


TOTALS = st.integers(0, 10**6)
WHOLES = st.integers(1, 10**6)


@given(TOTALS, WHOLES, TOTALS, WHOLES)
def test_a_change_is_the_difference_of_the_values_as_shown(
    before: int, whole_before: int, after: int, whole_after: int
) -> None:
    """And its parts add up to it; a change of a thousandth of a point is not shown as none."""
    ratio = shipped().indicator("premises_connectable_ratio")
    since, until = DAYS[-2:]
    days = (since, until)
    history = History(
        StepFunction(days, (before, after)), StepFunction(days, (whole_before, whole_after)), days
    )
    shown = shown_change(ratio, history, since, until)
    assert shown is not None
    value = read(shown.value)
    assert read(shown.after) - read(shown.before) == value
    assert read(shown.numerator) + read(shown.denominator) == value
    exact = 100 * (Fraction(after, whole_after) - Fraction(before, whole_before))
    assert abs(value - exact) < Fraction(1, 10)
    assert value or abs(exact) < Fraction(1, 1000)


def test_values_that_would_read_the_same_have_more_decimals() -> None:
    ratio = shipped().indicator("premises_connectable_ratio")
    days = DAYS[-2:]
    history = History(
        StepFunction(tuple(days), (5412, 5418)), StepFunction((days[0],), (10_000,)), tuple(days)
    )
    shown = shown_change(ratio, history, *days)
    assert shown is not None
    told = (shown.value, shown.before, shown.after, shown.parts)
    assert told == ("+0,06\u00a0point", "54,12\u00a0%", "54,18\u00a0%", "")


def test_an_amount_has_the_cents_that_its_evidence_has() -> None:
    grants = shipped().indicator("grants_committed_euros")
    days = DAYS[-2:]
    amounts = StepFunction(tuple(days), (1_166_946_400, 749_663_154))
    history = History(amounts, None, tuple(days), grants.term_divisor)
    shown = shown_change(grants, history, *days)
    assert shown is not None
    assert shown.value == f"{MINUS}4\u202f172\u202f832,46\u00a0€"
    assert (shown.before, shown.after) == (
        "11\u202f669\u202f464\u00a0€",
        "7\u202f496\u202f631,54\u00a0€",
    )


def read(text: str) -> Fraction:
    number = text.split("\u00a0", maxsplit=1)[0].replace("\u202f", "").replace(",", ".")
    return Fraction(number.replace(MINUS, "-"))


@pytest.mark.parametrize(
    ("thousandths", "text"),
    [
        (19, "+1,9\u00a0point"),
        (Fraction(-1949, 100), f"{MINUS}1,9\u00a0point"),
        (Fraction(1950, 100), "+2,0\u00a0points"),
        (-20, f"{MINUS}2,0\u00a0points"),
    ],
)
def test_points_are_plural_from_two_on(thousandths: Fraction, text: str) -> None:
    ratio = shipped().indicator("premises_connectable_ratio")
    assert change_text(ratio, Fraction(thousandths) / 1000) == text


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2016-01-01", 0), ("2018-07-03", 50), ("2020-12-30", 99), ("2020-12-31", 100)],
)
def test_a_steady_pace_is_at_the_target_on_the_deadline(day: str, expected: int) -> None:
    as_of = date.fromisoformat(day)
    one = knowledge().standing(shipped().indicator("schools_connected_ratio"), None, as_of)
    assert one.start is not None
    assert one.milestone is not None
    assert (one.start.day, one.milestone.day) == (date(2016, 1, 1), date(2020, 12, 31))

    assert one.expected_progress is not None
    assert int(one.expected_progress) == expected


def test_an_arrival_is_a_day_or_a_reason() -> None:
    for standing in knowledge().standings(LAST_DAY):
        if standing.is_dated:
            assert bool(standing.arrival)
            assert (standing.arrival == standing.attained.text) == bool(
                standing.judgement.attained_on
            )
