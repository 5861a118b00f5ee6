"""The bar of progress towards a target."""

from hypothesis import given
from hypothesis import strategies as st

from report.charts.progress_bar import progress_bar
from tests.support.drawings import any_text, drawn

rates = st.none() | st.floats(0, 100)


@given(rates, rates, any_text)
def test_any_progress_can_be_drawn(rate: float | None, expected: float | None, text: str) -> None:
    found = drawn(progress_bar("p", text, text, rate=rate, expected=expected))

    found.check()
    assert bool(found.all("expected")) == (expected is not None)


def test_it_is_as_long_as_the_progress() -> None:
    found = drawn(progress_bar("p", "", "", rate=50, expected=75))

    assert [one.get("width") for one in found.all("reached")] == ["60"]
    assert {x for x, _ in found.points("expected")} == {90}
