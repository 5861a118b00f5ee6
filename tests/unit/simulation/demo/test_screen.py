"""What is seen of a demo: in a terminal, and where there is none."""

import io
import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import partial
from math import ceil

from rich.console import Console
from rich.text import Text

from catalogue.figure import Figure
from catalogue.loader import load_catalogue
from dashboards.console import figures_table
from simulation.demo.screen import PAGE_FRAMES, LiveScreen, PlainScreen, ScreenFrame
from simulation.demo.system import NOT_INSTALLED

FIRST, LAST = date(2016, 1, 1), date(2016, 1, 20)
NOTE = f"Note d’un mois : {'/opt/' * 20}smart-region note"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def frame(day: date, sent: int = 1_234) -> ScreenFrame:
    """Return a frame without figures."""
    return ScreenFrame(day=day, sent=sent, figures=(), address="127.0.0.1:6066")


def layout(figures: Iterable[Figure], as_of: date, *, compact: bool) -> Text:
    """Lay the figures out as a word, or 30 lines of it."""
    table = f"tableau de {len(list(figures))} chiffres au {as_of}"
    return Text("compact" if compact else "\n".join([table] * 30))


def live(*frames: ScreenFrame, width: int = 100, height: int = 40) -> str:
    """Return what a terminal receives of a start and some frames."""
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=width, height=height, legacy_windows=False
    )
    with LiveScreen(console, layout, FIRST, LAST) as screen:
        screen.step("Démarrage")
        screen.note(NOTE)
        for each in frames:
            screen.show(each)
    return out.getvalue()


def test_a_terminal_shows_the_step_and_a_bar_at_first() -> None:
    """Before there is a figure, there is something to refresh at."""
    shown = ESCAPES.sub("", live())

    assert "Démarrage" in shown
    assert "17%" in shown
    assert "tableau" not in shown


def test_a_terminal_shows_the_table_the_progress_and_the_address() -> None:
    """All of it is redrawn for each frame."""
    shown = ESCAPES.sub("", live(frame(FIRST), frame(date(2016, 1, 10))))

    last = shown.rpartition("Démarrage")[2]
    assert "50%" in last
    assert "10/01/2016 · 1\u202f234 évènements envoyés · http://127.0.0.1:6066/metrics" in last
    assert "tableau de 0 chiffres au 2016-01-10" in last
    assert "compact" not in last


def test_a_small_terminal_shows_the_compact_table() -> None:
    """All programmes are seen at once: what is below the last line would never be."""
    shown = ESCAPES.sub("", live(frame(FIRST), height=24))

    assert "compact" in shown
    assert "tableau" not in shown


def test_a_narrow_terminal_shows_the_compact_table() -> None:
    """However high: the words of the other one would wrap."""
    assert "tableau" not in ESCAPES.sub("", live(frame(FIRST), width=80))


def test_a_note_stays_above_as_one_line() -> None:
    """It was redrawn in each frame, and a command in it broken as words are."""
    shown = ESCAPES.sub("", live(frame(FIRST), frame(LAST), width=80, height=24))

    assert shown.count(NOTE) == 1
    assert shown.index(NOTE) < shown.index("01/01/2016")


def test_the_demo_fits_a_terminal_of_80_columns_and_24_lines() -> None:
    """With the real table: each indicator is seen, whatever their number, and all in the end."""
    catalogue = load_catalogue()
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24, legacy_windows=False)
    with LiveScreen(console, partial(figures_table, catalogue), FIRST, LAST) as screen:
        screen.step("Démarrage")
        screen.note(NOT_INSTALLED)
        for _ in range(PAGE_FRAMES * ceil(len(catalogue.indicators) / 10)):
            screen.show(frame(LAST, sent=1_234_567))
    *frames, end = [
        shown.splitlines() for shown in ESCAPES.sub("", out.getvalue()).split("Démarrage")[3:]
    ]
    beginnings = {f"  {one.title}"[:20] for one in catalogue.indicators}

    for shown in frames:
        assert max(map(len, shown)) <= 80
        assert len(shown) <= 24
    assert {one for one in beginnings for shown in frames if one in "\n".join(shown)} == beginnings
    assert {one for one in beginnings if one in "\n".join(end)} == beginnings
    assert len(NOT_INSTALLED) <= 80


def test_a_table_too_long_for_the_terminal_is_shown_page_by_page() -> None:
    """Its headings stay, and each page long enough to be read."""

    def long(figures: Iterable[Figure], as_of: date, *, compact: bool) -> Text:
        headings = f"titres de {len(list(figures))} chiffres au {as_of}"
        return Text("\n".join([headings, *(f"<{row}>" for row in range(30 + compact))]))

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=17, legacy_windows=False)
    with LiveScreen(console, long, FIRST, LAST) as screen:
        screen.step("Démarrage")
        for _ in range(PAGE_FRAMES * 4):
            screen.show(frame(LAST))
    *frames, end = ESCAPES.sub("", out.getvalue()).split("Démarrage")[2:]
    pages = [[int(row) for row in re.findall("<([0-9]+)>", shown)] for shown in frames]

    assert all("titres" in shown and shown.count("\n") < 17 for shown in frames)
    rows = list(range(31))
    turns = (rows[:12], rows[12:24], rows[24:], rows[:12])
    assert pages == [turn for turn in turns for _ in range(PAGE_FRAMES)]
    assert "lignes 25 à 31 sur 31" in frames[2 * PAGE_FRAMES]
    assert end.count("<") == 31


def test_a_terminal_gets_its_cursor_back() -> None:
    """The cursor is hidden while the screen is redrawn, and not after."""
    assert live(frame(LAST)).rstrip().endswith("\x1b[?25h")


def test_elsewhere_each_step_and_tenth_has_a_line() -> None:
    """A log of some lines, whatever the number of frames, and no escape code."""
    out = io.StringIO()
    screen = PlainScreen(out, FIRST, LAST)

    screen.step("Démarrage")
    screen.note("Prometheus : http://127.0.0.1:9090")
    for days in range(20):
        screen.show(frame(FIRST + timedelta(days=days)))
        screen.show(frame(FIRST + timedelta(days=days)))

    lines = out.getvalue().splitlines()
    assert lines[:2] == ["Démarrage", "Prometheus : http://127.0.0.1:9090"]
    assert lines[2] == "02/01/2016 : 1\u202f234 évènements envoyés (10 %)"
    assert lines[-1] == "20/01/2016 : 1\u202f234 évènements envoyés (100 %)"
    assert len(lines) == 12
    assert "\x1b" not in out.getvalue()


def test_elsewhere_the_last_frame_is_kept() -> None:
    """Whoever opened the screen prints its table at the end."""
    screen = PlainScreen(io.StringIO(), FIRST, LAST)
    assert screen.frame is None

    screen.show(frame(FIRST))
    screen.show(frame(LAST))

    assert screen.frame == frame(LAST)
