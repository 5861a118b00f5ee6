"""Axes: round values and days."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from catalogue.formatting import NumberFormat
from catalogue.model import Unit
from report.charts.axes import day_ticks, is_drawable, value_ticks

percent = NumberFormat(Unit.RATIO).text
values = st.floats(-1e15, 1e15) | st.floats(0, 1) | st.integers(0, 3000).map(float)


def texts(*shown: float) -> list[str]:
    return [tick.text.replace("\u00a0", " ") for tick in value_ticks(shown, percent)]


def test_ticks_are_round() -> None:
    assert texts(0.03, 1) == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
    assert texts() == texts(0.4, 1)
    assert texts(1) == texts(0, 1)


def test_what_is_close_together_is_enlarged() -> None:
    assert texts(0.93, 0.99) == ["92 %", "94 %", "96 %", "98 %", "100 %"]
    assert texts(0.981, 0.984) == ["98 %", "99 %"]


@given(st.lists(values, max_size=6))
def test_a_text_without_meaning_is_written_once(shown: list[float]) -> None:
    assert [tick.text for tick in value_ticks(shown, lambda _: "x")].count("x") == 1


def test_days_are_years_or_months() -> None:
    def labels(first: date, last: date, width: float = 480) -> list[str]:
        return [tick.text.replace("\u00a0", " ") for tick in day_ticks(first, last, width)]

    year = date(2018, 12, 31)
    assert labels(date(2016, 1, 1), date(2020, 12, 31)) == ["2016", "2017", "2018", "2019", "2020"]
    assert labels(date(2016, 1, 1), date(2020, 12, 31), 200) == ["2016", "2018", "2020"]
    assert labels(date(2018, 1, 1), year) == ["janv. 2018", "juil. 2018"]
    assert labels(date(2018, 11, 5), date(2018, 12, 9)) == ["05/11/2018", "09/12/2018"]
    assert labels(year, year) == ["31/12/2018"]


def test_what_has_no_place_on_an_axis_is_not_drawable() -> None:
    shown = [None, float("nan"), float("inf"), 1e300, 1e15, 0.0, -3.5]
    assert [one for one in shown if is_drawable(one)] == [1e15, 0.0, -3.5]
