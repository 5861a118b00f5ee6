"""The charts of simulated years: as every chart is, whatever the day."""

from dataclasses import replace
from datetime import date

import pytest

from catalogue.trend import Projection
from report.knowledge import Knowledge
from report.overview import overview_of
from report.pictures import bars_of, history_chart, map_of, map_text, sparkline_of
from report.promise import promise_of
from tests.support.drawings import drawn
from tests.support.knowledge import LAST_DAY, knowledge, shipped, view
from tests.support.observations import barometer

#: Before the first report, in the first months, in the middle, and on the last day.
DAYS = [date(2015, 6, 30), date(2016, 3, 31), date(2017, 6, 30), LAST_DAY]


def link(path: str, **changed: object) -> str:
    return f"../{path}?as_of=2018-09-30&known_on=2019-03-31&{changed}"


@pytest.mark.parametrize("reached", [date(2999, 1, 1), date(9700, 1, 1), date.max], ids=str)
@pytest.mark.parametrize("latest", [None, date.max], ids=str)
def test_a_target_that_takes_centuries_leaves_room_for_the_history(
    reached: date, latest: date | None
) -> None:
    ratio = shipped().indicator("schools_equipped_ratio")
    one = knowledge().standing(ratio, None, LAST_DAY)
    projected = Projection(reached, reached, latest)
    late = replace(one, judgement=replace(one.judgement, projected=projected))
    chart = history_chart(late, LAST_DAY)
    drawn(chart).check()
    assert "2040" in chart
    assert "2100" not in chart


@pytest.mark.parametrize("day", DAYS)
def test_every_history_has_its_charts(day: date) -> None:
    for indicator in shipped().indicators:
        for department in indicator.territories:
            standing = knowledge().standing(indicator, department, day)
            history, small = history_chart(standing, day), sparkline_of(standing, day)

            for chart in (history, small):
                drawn(chart).check()
            assert len(history) < 8_000
            assert len(small) < 2_500


@pytest.mark.parametrize("day", DAYS)
def test_every_day_has_its_bars_and_its_map(day: date) -> None:
    for indicator in shipped().indicators:
        bars = bars_of(promise_of(knowledge(), indicator, view(day)), link)

        drawn(bars).check()
        assert len(bars) < 12_000
    departments = overview_of(knowledge(), view(day)).departments
    region_map = map_of(departments, day, map_text(departments), link)
    drawn(region_map).check()
    assert len(region_map) < 15_000


def test_bars_of_territories_with_targets_of_their_own_have_no_common_line() -> None:
    fibre = barometer().indicator("fibre_ratio")
    known = Knowledge(barometer(), {}, {})
    assert "Cible" not in bars_of(promise_of(known, fibre, view()), link)
    lycees = shipped().indicator("schools_connected_ratio")
    assert "Cible" in bars_of(promise_of(knowledge(), lycees, view()), link)
