"""A plan in words."""

from dashboards.publishing.fingerprint import marked
from dashboards.publishing.plan import LiveBoard, planned
from dashboards.publishing.report import report
from tests.support.board_models import board, panel

FOLDER = "smart-region"


def live(model: dict[str, object], author: str = "") -> LiveBoard:
    """Return a board as Grafana returns it."""
    return LiveBoard(model, FOLDER, 1, author)


def test_shows_boards_panels_and_expressions() -> None:
    """Each with its sign; what stays as it is is only counted."""
    same = board("same")
    before = board("b", panel("Lycées", "a"), panel("Old"))
    after = board("b", panel("Lycées", "b", unit="s"), panel("New"), refresh="1m")
    gone, copied = board("gone"), {**marked(board("x")), "uid": "copy"}
    found = {
        "same": live(marked(same)),
        "b": live(marked(before)),
        "hand": live({**marked(board("hand")), "refresh": "5s"}, "marie"),
        "gone": live(marked(gone)),
        "copy": live(copied, "luc"),
    }
    plan = planned([board("a"), same, after, board("hand")], found, FOLDER)

    assert list(report(plan)) == [
        "+ Board a (a)",
        "~ Board b (b)",
        "    ~ refresh",
        "    ~ panel Lycées: unit",
        "        - A: a",
        "        + A: b",
        "    + panel New",
        "    - panel Old",
        "! Board hand (hand): changed by hand (marie); --force overwrites it",
        "    ~ refresh",
        (
            "? Board x (copy): gone from the catalogue, but changed by hand (luc);"
            " --prune --force removes it"
        ),
        "? Board gone (gone): gone from the catalogue; --prune removes it",
        (
            "6 boards: 1 new, 1 changed, 1 as they should be, 1 changed by hand and refused,"
            " 2 gone from the catalogue and left"
        ),
    ]


def test_says_what_is_forced() -> None:
    """Whoever forces sees whose work goes."""
    found = {"a": live({**marked(board("a")), "refresh": "5s"}, "marie")}
    first, *_ = report(planned([board("a")], found, FOLDER, force=True))
    assert first == "~ Board a (a): changed by hand (marie), forced"


def test_a_title_is_no_order_to_the_terminal() -> None:
    """Whoever may edit a board may write anything into it."""
    found = {"x": live(board("x", panel("\x1b[2J", "\x1b]0;a\x07"), title="\x1b[31mred\n"))}
    lines = list(report(planned([board("x")], found, FOLDER)))
    assert all(line.isprintable() for line in lines)
