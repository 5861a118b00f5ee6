"""What is seen of a demo: in a terminal, and where there is none."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from datetime import date, timedelta
from io import StringIO

import pytest
from rich.box import HEAVY_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalogue.figure import Figure, figures_of
from catalogue.history import Reading
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from simulation.demo.screen import PAGE_FRAMES, LiveScreen, PlainScreen, ScreenFrame, figures_table
from tests.support.figure_histories import reported
from tests.support.observations import barometer

FIRST, LAST = date(2016, 1, 1), date(2016, 1, 20)
NOTE = f"Note d’un mois : {'/opt/' * 20}smart-region note"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def frame(day: date, sent: int = 1_234) -> ScreenFrame:
    return ScreenFrame(day=day, sent=sent, figures=(), address="127.0.0.1:6066")


def layout(figures: Iterable[Figure], as_of: date, *, compact: bool) -> Text:
    table = f"tableau de {len(list(figures))} chiffres au {as_of}"
    return Text("compact" if compact else "\n".join([table] * 30))


def live(*frames: ScreenFrame, width: int = 100, height: int = 40) -> str:
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


def test_a_terminal_shows_the_table_the_progress_and_the_address() -> None:
    shown = ESCAPES.sub("", live(frame(FIRST), frame(date(2016, 1, 10))))

    last = shown.rpartition("Démarrage")[2]
    assert "50%" in last
    assert "10/01/2016 · 1\u202f234 évènements envoyés · http://127.0.0.1:6066/metrics" in last
    assert "tableau de 0 chiffres au 2016-01-10" in last
    assert "compact" not in last


def test_a_small_terminal_shows_the_compact_table() -> None:
    for size in ({"height": 24}, {"width": 80}):
        shown = ESCAPES.sub("", live(frame(FIRST), **size))
        assert "compact" in shown
        assert "tableau" not in shown


def test_a_note_stays_above_as_one_line() -> None:
    """It was redrawn in each frame, and a command in it broken as words are."""
    shown = ESCAPES.sub("", live(frame(FIRST), frame(LAST), width=80, height=24))

    assert shown.count(NOTE) == 1
    assert shown.index(NOTE) < shown.index("01/01/2016")


def test_a_table_too_long_for_the_terminal_is_shown_page_by_page() -> None:
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


def test_elsewhere_each_step_and_tenth_has_a_line() -> None:
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


CATALOGUE = load_catalogue()
AS_OF = date(2019, 6, 30)
COVERAGE = "premises_connectable_ratio"


def text_of(table: Table, width: int = 160) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().replace("\u202f", " ").replace("\u00a0", " ")


def judged(
    readings: dict[tuple[str, str | None], Reading],
    as_of: date = AS_OF,
    catalogue: Catalogue = CATALOGUE,
) -> list[Figure]:
    histories = {
        key: reported(one, divisor=catalogue.indicator(key[0]).measure.divisor)
        for key, one in readings.items()
    }
    return list(figures_of(catalogue, judge_all(catalogue, histories, as_of), as_of))


def rendered(readings: dict[tuple[str, str | None], Reading], as_of: date = AS_OF) -> str:
    table = figures_table(CATALOGUE, judged(readings, as_of), as_of)
    table.box = HEAVY_HEAD
    return text_of(table)


def row(text: str, title: str) -> list[str]:
    line = next(line for line in text.splitlines() if title in line)
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_a_row_has_value_target_progress_status_and_projection() -> None:
    readings: dict[tuple[str, str | None], Reading] = {
        ("workstations_created", None): Reading(1_000, last_reported=AS_OF)
    }
    projected = {"projected_day": date(2020, 1, 2)}
    figures = [
        one.model_copy(update=projected if one.indicator == "workstations_created" else {})
        for one in judged(readings)
    ]
    table = figures_table(CATALOGUE, figures, AS_OF)
    table.box = HEAVY_HEAD
    text = text_of(table)
    assert row(text, "Postes de travail créés") == [
        "Postes de travail créés",
        "1 000",
        "1 145 *",
        "87 % *",
        "● en bonne voie",
        "02/01/2020",
        "–",
    ]


def test_the_departements_behind_are_named() -> None:
    readings: dict[tuple[str, str | None], Reading] = {
        (COVERAGE, code): Reading(95, 100, AS_OF) for code in ("75", "78", "91", "92", "93", "94")
    }
    readings[COVERAGE, "77"] = Reading(30, 100, AS_OF)
    readings[COVERAGE, None] = Reading(600, 800, AS_OF)
    assert row(rendered(readings), "Locaux raccordables")[-1] == "77 ; non renseigné : 95"
    readings |= {key: Reading(100, 100, AS_OF) for key in readings}
    readings[COVERAGE, "95"] = Reading(100, 100, AS_OF)
    assert row(rendered(readings), "Locaux raccordables")[-1] == "aucun"
    late = rendered({}, as_of=date(2021, 6, 1))
    assert row(late, "Locaux raccordables")[-1] == "non renseigné : tous"
    assert "Smart Région au 01/06/2021" in late


@pytest.mark.parametrize(
    ("reading", "as_of", "word"),
    [
        (Reading(100, 100, AS_OF), AS_OF, "✔ atteint"),
        (Reading(90, 100, AS_OF), AS_OF, "● en bonne voie"),
        (Reading(10, 100, AS_OF), AS_OF, "▲ à risque"),
        (Reading(10, 100, date(2020, 12, 31)), date(2021, 1, 1), "✖ manqué"),
        (Reading(90, 100, date(2017, 1, 1)), AS_OF, "? non renseigné"),
    ],
)
def test_a_status_is_a_mark_and_a_word(reading: Reading, as_of: date, word: str) -> None:
    text = rendered({(COVERAGE, None): reading}, as_of)
    assert row(text, "Locaux raccordables")[4] == word


def test_the_compact_table_fits_a_terminal_of_80_columns() -> None:
    """A line for each programme, the first one's with the headings, and for each indicator.

    Words are cut there, figures never. The demo shows a long one page by page.
    """
    readings: dict[tuple[str, str | None], Reading] = {
        ("grants_committed_euros", None): Reading(650_000_000, last_reported=AS_OF)
    }
    figures = judged(readings)

    text = text_of(figures_table(CATALOGUE, figures, AS_OF, compact=True), width=80)

    lines = text.splitlines()
    assert len(lines) == len(CATALOGUE.programmes) + len(CATALOGUE.indicators)
    assert max(map(len, lines)) <= 80
    assert "  Lycées connectés…" in text
    assert "6 500 000 € 6 500 000 € * 100 % * ✔ atteint" in text


def test_what_was_observed_keeps_its_decimals() -> None:
    readings: dict[tuple[str, str | None], Reading] = {
        ("waiting_days", None): Reading(21_375_000, last_reported=AS_OF),
        ("balance_euros", None): Reading(-1_234_567_891, last_reported=AS_OF),
        ("fibre_ratio", "75"): Reading(92_500_000, last_reported=AS_OF),
    }
    table = figures_table(barometer(), judged(readings, AS_OF, barometer()), AS_OF)
    table.box = HEAVY_HEAD
    text = text_of(table)
    assert row(text, "Délai d’obtention")[1:4] == ["21,38", "12,25", "50 %"]
    assert row(text, "Solde")[1:4] == ["−1 234,57 €", "0 €", "0 %"]
    assert row(text, "Locaux raccordables à la fibre")[1:4] == ["–", "80,0 %", "–"]
