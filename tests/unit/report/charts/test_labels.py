"""Labels that fit: widths, shortening, places."""

from hypothesis import given
from hypothesis import strategies as st

from report.charts.labels import EM, Box, Labels, Side, Spot, shortened, text_width

ROOM = Box(0, 0, 400, 200)

spots = st.builds(
    Spot,
    st.integers(-50, 450),
    st.integers(-50, 250),
    st.sampled_from(("start", "middle", "end")),
    st.sampled_from(Side),
)


def test_widths_are_those_of_a_wide_face() -> None:
    """DejaVu Sans is among the widest: its digits are 0,636 em wide, in bold 0,696."""
    assert text_width("2016") >= 4 * 0.696
    assert text_width("Seine-et-Marne (77)") >= 10.9
    assert text_width("日本") >= 2
    assert text_width("e\u0301") == text_width("e")


@given(st.text(), st.floats(0, 500))
def test_a_shortened_text_fits(text: str, width: float) -> None:
    found = shortened(text, width)

    assert found == text or found.endswith("…")
    assert text.startswith(found.removesuffix("…")) or found == text
    assert text_width(found) * EM <= max(width, text_width("…") * EM) + 1e-6


@given(st.lists(st.tuples(st.text(max_size=20), st.lists(spots, max_size=4)), max_size=12))
def test_no_label_covers_another(asked: list[tuple[str, list[Spot]]]) -> None:
    labels = Labels(ROOM)
    placed = []
    for text, places in asked:
        if labels.place(text, places, "label"):
            placed.append(labels.taken[-1])

    for index, box in enumerate(placed):
        assert ROOM.holds(box)
        assert not any(box.meets(other) for other in placed[:index])


def test_a_label_covers_few_lines() -> None:
    on_line, free = Spot(10, 100), Spot(10, 150)
    lines = [Box(0, 99, 400, 101)]
    labels = Labels(ROOM, lines)

    assert labels.place("Cible", [on_line, free], "label")
    assert labels.taken == [free.box("Cible")]
    assert labels.place("Cible", [on_line], "label")
    assert not Labels(ROOM, lines).place("Cible", [on_line], "label", optional=True)
