"""The commands `smart-region catalogue …`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from catalogue.cli import catalogue
from catalogue.loader import PROGRAMMES, load_catalogue

BAD = Path(__file__).parents[2] / "corpus" / "catalogue" / "bad"


def test_the_regions_own_catalogue_is_correct() -> None:
    result = CliRunner().invoke(catalogue, ["check"])
    known = load_catalogue()
    assert (result.exit_code, result.stdout) == (
        0,
        f"{len(known.programmes)} programmes, {len(known.indicators)} indicators: correct\n",
    )


def test_one_programme_is_counted_as_one() -> None:
    lycees = PROGRAMMES / "lycees.yaml"
    result = CliRunner().invoke(catalogue, ["check", str(lycees)])

    known = len(load_catalogue(lycees).indicators)
    assert result.stdout == f"1 programme, {known} indicators: correct\n"


def test_a_bad_catalogue_is_reported_line_by_line() -> None:
    path = BAD / "many_at_once.yaml"
    result = CliRunner().invoke(catalogue, ["check", str(path)])
    expected = (BAD / "many_at_once.txt").read_text(encoding="utf-8")
    assert result.exit_code == 1
    assert result.stdout.replace(f"{BAD}/", "") == expected


def test_the_count_of_mistakes_is_on_standard_error() -> None:
    result = CliRunner().invoke(catalogue, ["check", str(BAD / "fact_unknown.yaml")])
    assert result.stderr == "1 to correct\n"


def test_the_list_names_indicators_facts_and_milestones() -> None:
    result = CliRunner().invoke(catalogue, ["list"])
    assert "  workstations_created (count): Postes de travail créés\n" in result.stdout
    assert "    from coworking.opened, coworking.resized\n" in result.stdout
    assert "    workstations_1145: 1145 by 2020-12-31 (assumed)\n" in result.stdout
    assert "    all_connected: 1 by 2020-12-31\n" in result.stdout
