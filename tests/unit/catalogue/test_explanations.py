"""Since when a milestone is missed or at risk, and whether somebody has said why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.explanations import SLIPPING, Explained, explained_all, slipping_since
from catalogue.judgement import judge, judge_all
from catalogue.model import Promise
from catalogue.progress import MilestoneStatus
from events.cloudevent import CloudEvent
from tests.support.explanations import explained, explanations_from, known_with
from tests.support.figure_histories import history_of
from tests.support.knowledge import knowledge, shipped

CONNECTED = shipped().indicator("schools_connected_ratio")
[MILESTONE] = CONNECTED.milestones
REGION = (CONNECTED.id, MILESTONE.id, None)
assert MILESTONE.day is not None
DEADLINE = MILESTONE.day
LATE = DEADLINE + timedelta(days=100)


def explained_on(day: date, *said: CloudEvent) -> Mapping[Promise, Explained]:
    known = known_with(*said)
    judgements = judge_all(shipped(), known.histories, day)
    return explained_all(judgements, known.histories, known.explanations, day)


def test_a_milestone_is_missed_since_the_day_after_its_own() -> None:
    assert explained_on(LATE)[REGION].since == DEADLINE + timedelta(days=1)
    assert explained_on(LATE)[REGION].unexplained_days(LATE) == 99


def test_what_was_awaited_is_missed_since_it_was_known() -> None:
    """The report of a quarter's end never came: its owner did not know for 45 days."""
    coverage = shipped().indicator("premises_connectable_ratio")
    [milestone] = coverage.milestones
    assert milestone.day == DEADLINE
    september = history_of(
        lambda _: Fraction(9, 10), since=date(2020, 9, 30), days=0, denominator=10
    )
    judgement = judge(coverage, milestone, None, september, LATE)
    assert judgement.status is MilestoneStatus.MISSED
    known = DEADLINE + timedelta(days=46)
    assert slipping_since(judgement, september, LATE) == known


@pytest.mark.parametrize(
    ("day", "last"), [(DEADLINE, None), (DEADLINE + timedelta(days=1), "oui"), (LATE, "oui")]
)
def test_only_what_is_said_since_then_explains_it(day: date, last: str | None) -> None:
    found = explained_on(LATE, explained(str(day), "oui"))[REGION]
    assert (found.last.text if found.last else None) == last
    assert (found.unexplained_days(LATE) is None) == (last is not None)


def test_what_is_said_later_is_not_known_yet() -> None:
    said = explained(str(LATE + timedelta(days=1)))
    assert explained_on(LATE, said)[REGION].last is None


def test_the_region_s_words_explain_a_departement_too_and_not_the_reverse() -> None:
    slipping = {promise[2] for promise in explained_on(LATE) if promise[:2] == REGION[:2]}
    assert None in slipping
    department = next(one for one in sorted(filter(None, slipping)))
    own = (CONNECTED.id, MILESTONE.id, department)
    of_region = explained_on(LATE, explained(str(LATE)))
    assert of_region[own].last is not None
    local = explained_on(LATE, explained(str(LATE), territory=f"D{department}"))
    assert local[own].last is not None
    assert local[REGION].last is None


@pytest.mark.slow
@given(st.dates(date(2016, 1, 1), date(2018, 12, 31)))
def test_what_slips_has_slipped_from_its_first_day_on(day: date) -> None:
    histories = knowledge().histories
    for judgement in judge_all(shipped(), histories, day):
        indicator, milestone = judgement.indicator, judgement.milestone
        history = histories[indicator.id, judgement.department]
        since = slipping_since(judgement, history, day)
        assert (since is not None) == (judgement.status in SLIPPING)
        if since is None or judgement.status is MilestoneStatus.MISSED:
            continue
        assert since <= day

        before, then = (
            judge(indicator, milestone, judgement.department, history, on).status
            for on in (since - timedelta(days=1), since)
        )
        baseline = indicator.baseline_for(judgement.department)
        assert baseline is not None
        assert since >= baseline.day
        assert before is not MilestoneStatus.AT_RISK or since == baseline.day
        assert then is MilestoneStatus.AT_RISK


def test_an_explanation_of_an_unknown_milestone_explains_nothing() -> None:
    said = explanations_from([explained(str(LATE), milestone="other")])
    assert list(said) == [(CONNECTED.id, "other", None)]
    assert explained_on(LATE, explained(str(LATE), milestone="other"))[REGION].last is None
