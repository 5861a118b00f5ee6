"""The line chart: a history, its target, its deadline and its projection."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from catalogue.formatting import NumberFormat
from catalogue.model import Unit
from catalogue.trend import Projection
from report.charts.line import Timeline, line_chart
from tests.support.drawings import FORBIDDEN_TEXT, Drawn, any_text, drawn

FIRST, LAST = date(2016, 1, 1), date(2020, 12, 31)
percent = NumberFormat(Unit.RATIO).text

#: Half of the lycées on the first day of 2018, three quarters a year later.
HISTORY: list[tuple[date, float | None]] = [(date(2018, 1, 1), 0.5), (date(2019, 1, 1), 0.75)]

days = st.dates(date(2014, 1, 1), date(2024, 12, 31))
values = st.floats(-2, 2) | st.floats(-1e16, 1e16) | st.sampled_from((float("nan"), float("inf")))


@st.composite
def projections(draw: st.DrawFn) -> Projection:
    earliest, day, latest = sorted(draw(st.lists(st.dates(FIRST), min_size=3, max_size=3)))
    return Projection(day, earliest, draw(st.none() | st.just(latest)))


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    of_days = draw(st.dictionaries(days, st.none() | values, max_size=60))
    first, as_of, last = sorted(draw(st.lists(days, min_size=3, max_size=3)))
    return Timeline(
        points=sorted(of_days.items(), key=lambda point: point[0]),
        as_of=draw(st.just(as_of) | days),
        first=first,
        last=last,
        target=draw(st.none() | values),
        deadline=draw(st.none() | days),
        baseline=draw(st.none() | values),
        projection=draw(st.none() | projections()),
        attained_on=draw(st.none() | days),
        lost_on=draw(st.none() | days),
    )


def chart(points: list[tuple[date, float | None]] = HISTORY, **fields: Any) -> Drawn:
    promised = {"target": 1, "deadline": LAST, **fields}
    timeline = Timeline(points, date(2019, 7, 1), FIRST, LAST, **promised)
    found = drawn(line_chart("c", "Lycées", "De 2016 à 2020.", timeline, text=percent))
    found.check()
    return found


@given(timelines(), any_text)
@example(Timeline(HISTORY, FIRST, FIRST, FIRST), FORBIDDEN_TEXT)
@example(Timeline([], LAST, FIRST, LAST), FORBIDDEN_TEXT)
def test_any_history_can_be_drawn(timeline: Timeline, text: str) -> None:
    written = line_chart("c", text, text, timeline, text=lambda value: f"{value:.3g}{text}")

    drawn(written).check()


def test_a_chart_says_what_matters() -> None:
    assert [text.replace("\u00a0", " ") for text in chart().words] == [
        *("0 %", "20 %", "40 %", "60 %", "80 %", "100 %"),
        *("2016", "2017", "2018", "2019", "2020"),
        *("Échéance : 31/12/2020", "Cible : 100 %", "75 %"),
    ]


def test_what_is_not_there_is_not_drawn() -> None:
    bare = chart(target=None, deadline=None, projection=Projection(LAST, LAST, None))
    empty = chart([(FIRST, None)])

    assert not [*bare.all("target"), *bare.all("deadline"), *bare.all("projection")]
    assert not [*empty.all("history"), *empty.all("now")]
    assert "Aucune valeur connue" in empty.words


def test_the_line_ends_on_the_day_of_the_figure() -> None:
    found = chart([*HISTORY, (date(2020, 1, 1), 0.9)])
    [now] = found.all("now")
    right = max(x for x, _ in found.points("history"))

    assert float(now.get("cx", "")) == right
    assert right < max(x for x, _ in found.points("axis"))


def test_a_gap_is_marked() -> None:
    found = chart([(FIRST, 0.2), (date(2017, 1, 1), None), (date(2018, 1, 1), 0.5)])
    [line] = found.all("history")

    assert line.get("d", "").count("M") == 2
    assert 'fill="url(#c-unknown)"' in found.svg
    assert "url(" not in chart().svg


def test_a_projection_leads_to_the_target() -> None:
    day = date(2020, 3, 1)
    found = chart(projection=Projection(day, date(2020, 1, 1), date(2020, 9, 1)))
    [start, end] = found.points("projection")
    corners = found.points("projection-range")
    [target] = {y for _, y in found.points("target")}

    assert start == found.points("history")[-1]
    assert end[1] == target
    assert [y for _, y in corners[1:]] == [target, target]
    assert start[0] < corners[1][0] < end[0] < corners[2][0]
    assert "Projeté\u00a0: 01/03/2020" in found.words


def test_a_projection_beyond_the_chart_ends_at_its_edge() -> None:
    """Its day is not shown; the slower pace may never reach the target."""
    found = chart(projection=Projection(date(2022, 3, 1), date(2020, 1, 1), None))
    start, end = found.points("projection")
    [target] = {y for _, y in found.points("target")}
    corners = found.points("projection-range")
    right = max(x for x, _ in found.points("axis"))

    assert end[0] == right
    assert start[1] > end[1] > target
    assert corners[2:] == [(right, target), (right, start[1])]
    assert not found.all("goal")


def test_attainment_and_loss_are_marked() -> None:
    found = chart(attained_on=date(2018, 5, 1), lost_on=date(2019, 2, 1))

    assert len(found.all("mark")) == 2
    assert {"Atteint le 01/05/2018", "Perdu le 01/02/2019"} <= {*found.words}


def test_a_long_history_stays_small() -> None:
    history = [(FIRST + timedelta(day // 3), float(day * 7919 % 10_007)) for day in range(5_400)]
    assert len(chart([*history]).points("history")) <= 401
