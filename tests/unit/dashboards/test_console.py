"""The figures in the terminal."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from rich.box import HEAVY_HEAD
from rich.console import Console
from rich.table import Table

from catalogue.figure import Figure, figures_of
from catalogue.history import Reading
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from dashboards.console import figures_table
from tests.support.figure_histories import reported
from tests.support.observations import barometer

CATALOGUE = load_catalogue()
AS_OF = date(2019, 6, 30)
COVERAGE = "premises_connectable_ratio"


def text_of(table: Table, width: int = 160) -> str:
    """Return a table as text, its spaces made ordinary."""
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().replace("\u202f", " ").replace("\u00a0", " ")


def judged(
    readings: dict[tuple[str, str | None], Reading],
    as_of: date = AS_OF,
    catalogue: Catalogue = CATALOGUE,
) -> list[Figure]:
    """Judge figures of which there is one report each."""
    histories = {
        key: reported(one, divisor=catalogue.indicator(key[0]).measure.divisor)
        for key, one in readings.items()
    }
    return list(figures_of(catalogue, judge_all(catalogue, histories, as_of), as_of))


def rendered(readings: dict[tuple[str, str | None], Reading], as_of: date = AS_OF) -> str:
    """Return the table of some readings as text, with lines between its columns."""
    table = figures_table(CATALOGUE, judged(readings, as_of), as_of)
    table.box = HEAVY_HEAD
    return text_of(table)


def row(text: str, title: str) -> list[str]:
    """Return the cells of the row that begins with a title."""
    line = next(line for line in text.splitlines() if title in line)
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_a_row_has_value_target_progress_status_and_projection() -> None:
    """The whole answer about a promise is on one line."""
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


def test_a_ratio_is_shown_as_percent() -> None:
    """Nine tenths of the lycées are 90,0 %, with a comma."""
    text = rendered({("schools_connected_ratio", None): Reading(412, 458, AS_OF)})
    assert row(text, "Lycées connectés")[1:3] == ["89,9 %", "100,0 %"]


def test_euros_have_their_sign() -> None:
    """6.5 million euros are written as in French."""
    text = rendered({("grants_committed_euros", None): Reading(650_000_000, last_reported=AS_OF)})
    assert row(text, "Subventions engagées")[1:5] == [
        "6 500 000 €",
        "6 500 000 € *",
        "100 % *",
        "✔ atteint",
    ]


def test_what_is_not_known_is_a_dash() -> None:
    """A blank is never a zero."""
    assert row(rendered({}), "Jeux de données à jour")[1:] == ["–"] * 6


def test_an_indicator_without_a_figure_has_a_row_of_dashes() -> None:
    """The table shows every promise even when nothing was computed."""
    table = figures_table(CATALOGUE, [], AS_OF)
    table.box = HEAVY_HEAD
    assert row(text_of(table), "Lycées connectés")[1:] == ["–"] * 6


def test_the_departements_behind_are_named() -> None:
    """Late ones first, then those that nobody reported."""
    readings: dict[tuple[str, str | None], Reading] = {
        (COVERAGE, code): Reading(95, 100, AS_OF) for code in ("75", "78", "91", "92", "93", "94")
    }
    readings[COVERAGE, "77"] = Reading(30, 100, AS_OF)
    readings[COVERAGE, None] = Reading(600, 800, AS_OF)
    assert row(rendered(readings), "Locaux raccordables")[-1] == "77 ; non renseigné : 95"


def test_when_all_are_behind_they_are_not_listed() -> None:
    """Eight codes in a row say less than one word."""
    text = rendered({}, as_of=date(2021, 6, 1))
    assert row(text, "Locaux raccordables")[-1] == "non renseigné : tous"


def test_when_none_is_behind_it_is_said() -> None:
    """Good news is shown, not left blank."""
    codes = ("75", "77", "78", "91", "92", "93", "94", "95")
    readings: dict[tuple[str, str | None], Reading] = {
        (COVERAGE, code): Reading(100, 100, AS_OF) for code in codes
    }
    assert row(rendered(readings), "Locaux raccordables")[-1] == "aucun"


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
    """Without colours, each status is still distinguished."""
    text = rendered({(COVERAGE, None): reading}, as_of)
    assert row(text, "Locaux raccordables")[4] == word


def test_programmes_follow_the_catalogues_order() -> None:
    """The delegate finds the promises in the order of the programme."""
    text = rendered({})
    titles = [programme.title for programme in CATALOGUE.programmes]
    found = sorted(titles, key=lambda title: text.index(f"│{title} "))
    assert found == titles


def test_the_day_of_the_figures_is_in_the_title() -> None:
    """A table can be read a year later."""
    assert "Smart Région au 30/06/2019" in rendered({})


def test_a_narrow_terminal_cuts_no_figure() -> None:
    """In 80 columns the words wrap; the figures are whole."""
    readings: dict[tuple[str, str | None], Reading] = {
        ("grants_committed_euros", None): Reading(400_000_000, last_reported=AS_OF)
    }
    figures = [
        one.model_copy(update={"projected_day": date(2021, 9, 5)}) for one in judged(readings)
    ]
    text = text_of(figures_table(CATALOGUE, figures, AS_OF), width=80)
    for shown in ("4 000 000 €", "6 500 000 € *", "61 % *", "05/09/2021"):
        assert shown in text


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
    """Half a day is not nothing, and the start of the region alone counts."""
    readings: dict[tuple[str, str | None], Reading] = {
        ("waiting_days", None): Reading(21_375_000, last_reported=AS_OF),
        ("balance_euros", None): Reading(-1_234_567_891, last_reported=AS_OF),
        ("fibre_ratio", "75"): Reading(92_500_000, last_reported=AS_OF),
    }
    table = figures_table(barometer(), judged(readings, AS_OF, barometer()), AS_OF)
    table.box = HEAVY_HEAD
    text = text_of(table)
    assert row(text, "Délai d’obtention")[1:4] == ["21,38", "12,25", "50 %"]
    assert row(text, "Solde")[1:4] == ["−1 234,57 €", "0,00 €", "0 %"]
    assert row(text, "Locaux raccordables à la fibre")[1:4] == ["–", "80,0 %", "–"]
