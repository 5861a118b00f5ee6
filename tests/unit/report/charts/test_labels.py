"""Labels that fit: widths, shortening, places."""

from report.charts.labels import Box, Labels, Spot, text_width

ROOM = Box(0, 0, 400, 200)


def test_widths_are_those_of_a_wide_face() -> None:
    """DejaVu Sans is among the widest: its digits are 0,636 em wide, in bold 0,696."""
    assert text_width("2016") >= 4 * 0.696
    assert text_width("Seine-et-Marne (77)") >= 10.9
    assert text_width("日本") >= 2
    assert text_width("e\u0301") == text_width("e")


def test_a_label_covers_few_lines() -> None:
    on_line, free = Spot(10, 100), Spot(10, 150)
    lines = [Box(0, 99, 400, 101)]
    labels = Labels(ROOM, lines)

    assert labels.place("Cible", [on_line, free], "label")
    assert labels.taken == [free.box("Cible")]
    assert labels.place("Cible", [on_line], "label")
    assert not Labels(ROOM, lines).place("Cible", [on_line], "label", optional=True)
