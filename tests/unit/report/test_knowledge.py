"""What is known of all figures, judged day by day and figure by figure."""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.judgement import judge_all
from report.knowledge import Knowledge
from tests.support.knowledge import LAST_DAY, knowledge, shipped


@pytest.fixture
def known() -> Knowledge:
    return Knowledge(shipped(), knowledge().histories, {})


@pytest.mark.parametrize("day", [date(2016, 1, 1), date(2017, 6, 30), LAST_DAY], ids=str)
def test_figures_judged_one_by_one_are_those_of_all(known: Knowledge, day: date) -> None:
    first = shipped().indicators[-1]
    known.of(first, None, day)
    judgements = tuple(standing.judgement for standing in known.standings(day))
    assert judgements == judge_all(shipped(), known.histories, day)


def test_a_figure_is_judged_once(known: Knowledge) -> None:
    indicator = shipped().indicators[0]
    assert known.of(indicator, None, LAST_DAY) is known.of(indicator, None, LAST_DAY)


def test_judgements_that_are_there_are_used() -> None:
    judged = judge_all(shipped(), knowledge().histories, LAST_DAY)
    known = Knowledge(shipped(), knowledge().histories, {}, judged=(LAST_DAY, judged))
    [standing, *_] = known.of(shipped().indicators[0], None, LAST_DAY)
    assert standing.judgement is judged[0]
