"""A history as steps: what is shown of it, and what is left out of a long one."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from report.charts.axes import Scale
from report.charts.steps import gaps_path, shown_steps, steps_path, thinned

DAY = date(2018, 1, 1)
X = Scale(DAY.toordinal(), DAY.toordinal() + 100, 0, 100)
Y = Scale(0, 10, 50, 0)

points = st.lists(
    st.tuples(st.integers(0, 4000), st.none() | st.floats(-1e6, 1e6)),
    max_size=900,
    unique_by=lambda point: point[0],
).map(lambda found: [(DAY + timedelta(days=day), value) for day, value in sorted(found)])


def on(day: int) -> date:
    return DAY + timedelta(days=day)


def test_a_step_is_level_until_the_next() -> None:
    found = steps_path([(on(0), 2.0), (on(10), 4.0)], on(60), X, Y)

    assert found == "M0 40H10V30H60"


def test_what_is_not_known_is_a_gap() -> None:
    steps = [(on(0), 2.0), (on(10), None), (on(30), 4.0)]

    assert steps_path(steps, on(60), X, Y) == "M0 40H10M30 30H60"
    assert gaps_path(steps, on(60), X, Y) == "M10 0h20v50h-20z"


def test_only_what_is_shown_is_kept() -> None:
    """What held before the first day still holds on it; what changes nothing is no step."""
    history = [(on(0), 1.0), (on(5), 2.0), (on(8), 2.0), (on(9), float("nan")), (on(20), 3.0)]

    assert shown_steps(history, on(6), on(10)) == [(on(6), 2.0), (on(9), None)]
    assert shown_steps(history, on(30), on(40)) == [(on(30), 3.0)]
    assert shown_steps([], on(0), on(1)) == []


@given(points)
def test_a_long_history_keeps_its_extremes(history: list[tuple[date, float | None]]) -> None:
    kept = thinned(history)

    assert len(kept) <= 200
    assert kept == sorted({*kept} & {*history}, key=lambda point: point[0])
    if history:
        assert (kept[0], kept[-1]) == (history[0], history[-1])
    known = [value for _, value in history if value is not None]
    if known:
        shown = [value for _, value in kept if value is not None]
        assert (min(shown), max(shown)) == (min(known), max(known))
