"""Bars: one figure of each territory, or of each category."""

from hypothesis import example, given
from hypothesis import strategies as st

from catalogue.progress import MilestoneStatus
from report.charts.bars import BarRow, bars, progress_bar
from tests.support.drawings import FORBIDDEN_TEXT, any_text, drawn

values = st.none() | st.floats(-1e16, 1e16) | st.just(float("nan"))
rows = st.builds(
    BarRow,
    label=any_text,
    value=values,
    text=any_text,
    status=st.none() | st.sampled_from(MilestoneStatus),
    href=st.none() | any_text,
)
HOSTILE = BarRow(FORBIDDEN_TEXT, None, FORBIDDEN_TEXT, None, FORBIDDEN_TEXT)

PARIS = BarRow("Paris (75)", 0.5, "50 %", MilestoneStatus.AT_RISK, "/p?territory=75")
MARNE = BarRow("Seine-et-Marne (77)", None, "non renseigné depuis le 31/12/2018")


@given(st.lists(rows, max_size=8), st.none() | st.floats(), any_text)
@example([HOSTILE], 1.0, FORBIDDEN_TEXT)
def test_any_rows_can_be_drawn(found: list[BarRow], target: float | None, text: str) -> None:
    drawn(bars("b", text, text, found, target=target, target_text=text)).check()


def test_a_bar_is_as_long_as_its_value() -> None:
    found = drawn(bars("b", "", "", [PARIS, MARNE], target=1, target_text="100 %"))
    [bar] = found.all("bar")
    [target] = {x for x, _ in found.points("target")}

    assert (bar.get("x"), bar.get("width")) == ("0", "280")
    assert target == 560
    assert "Cible\u00a0: 100 %" in found.words


def test_a_row_without_a_value_has_its_reason() -> None:
    found = drawn(bars("b", "", "", [MARNE]))

    assert not found.all("bar")
    assert [one.text for one in found.all("reason")] == ["non renseigné depuis le 31/12/2018"]


def test_a_status_is_more_than_a_colour() -> None:
    found = drawn(bars("b", "", "", [PARIS]))
    category = drawn(bars("b", "", "", [BarRow("Salariés", 12, "12")]))
    [bar] = found.all("bar")
    [plain] = category.all("bar")

    assert len(found.all("mark")) == 1
    assert bar.get("fill") == "url(#b-pattern-at_risk)"
    assert category.all("mark") == []
    assert plain.get("class") == "bar fill status-none"


def test_statuses_are_told_apart_without_their_colours() -> None:
    found = drawn(bars("b", "", "", [BarRow("a", 1, "1", one) for one in MilestoneStatus]))
    marks = {one[0].get("d") for one in found.all("mark")}
    patterns = [one.get("d") for one in found.all("hatch")]

    assert len(marks) == len(MilestoneStatus)
    assert len({*patterns}) == len(patterns) == len(MilestoneStatus) - 1


def test_a_link_is_named_in_full() -> None:
    label = "Une catégorie dont le nom est bien plus long que la place qui lui est donnée"
    found = drawn(bars("b", "", "", [BarRow(label, 1, "1", None, "/c"), PARIS]))
    names = [one.get("aria-label") for one in found.root.iter("a")]

    assert names == [f"{label}\u00a0: 1", "Paris (75)\u00a0: 50 %"]
    assert found.all("label")[0].text != label


def test_a_small_amount_is_seen() -> None:
    rows = [BarRow("a", 1, "1"), BarRow("b", 1e6, "1 000 000"), BarRow("c", 0, "0")]

    assert [one.get("width") for one in drawn(bars("b", "", "", rows)).all("bar")] == ["2", "560"]


def test_what_is_below_zero_goes_the_other_way() -> None:
    rows = [BarRow("a", -1, "−1"), BarRow("b", 3, "3")]
    found = [(one.get("x"), one.get("width")) for one in drawn(bars("b", "", "", rows)).all("bar")]

    assert found == [("0", "140"), ("140", "420")]


rates = st.none() | st.floats(0, 100)


@given(rates, rates, any_text)
def test_any_progress_can_be_drawn(rate: float | None, expected: float | None, text: str) -> None:
    found = drawn(progress_bar("p", text, text, rate=rate, expected=expected))

    found.check()
    assert bool(found.all("expected")) == (expected is not None)


def test_a_bar_is_as_long_as_the_progress() -> None:
    found = drawn(progress_bar("p", "", "", rate=50, expected=75))

    assert [one.get("width") for one in found.all("reached")] == ["60"]
    assert {x for x, _ in found.points("expected")} == {90}
