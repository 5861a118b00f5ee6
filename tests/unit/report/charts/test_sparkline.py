"""The sparkline: a history as small as a word."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from report.charts.sparkline import sparkline
from tests.support.drawings import any_text, drawn

days = st.dates(date(2010, 1, 1), date(2030, 1, 1))
values = st.none() | st.floats(-1e16, 1e16) | st.just(float("nan"))
histories = st.dictionaries(days, values, max_size=200).map(
    lambda found: sorted(found.items(), key=lambda point: point[0])
)


@given(histories, st.none() | st.floats(allow_nan=True), any_text)
def test_any_history_can_be_drawn(
    points: list[tuple[date, float | None]], target: float | None, text: str
) -> None:
    written = sparkline("s", text, text, points, target=target)

    drawn(written).check()
    assert drawn(written).root.get("viewBox") == "0 0 120 32"
    assert len(written) < 2_500 + 12 * len(text)


def test_the_last_known_value_is_marked() -> None:
    known = [(date(2018, 1, 1), 1.0), (date(2018, 6, 1), 3.0)]
    ended = [*known, (date(2018, 8, 1), None), (date(2019, 1, 1), None)]
    level = drawn(sparkline("s", "", "", known, target=4))
    gone = drawn(sparkline("s", "", "", ended))

    assert level.all("target")
    assert level.points("history")[-1] == (116, level.points("now")[0][1] + 3)
    assert gone.points("now")[0][0] + 3 == gone.points("history")[-1][0] < 100
    assert not gone.all("target")


def test_without_values_it_is_empty() -> None:
    found = drawn(sparkline("s", "Lycées", "Aucune valeur connue.", []))

    found.check()
    assert [one.text for one in found.root] == ["Lycées", "Aucune valeur connue."]


def test_what_never_changed_is_in_the_middle() -> None:
    found = drawn(
        sparkline("s", "", "", [(date(2018, 1, 1), 41), (date(2019, 1, 1), 41)], target=41)
    )

    assert {y for _, y in (*found.points("history"), *found.points("target"))} == {16}
