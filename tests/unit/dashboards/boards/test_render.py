"""From the catalogue to the files of all boards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from catalogue import metrics
from catalogue.model import Catalogue, Indicator, Programme, Unit
from catalogue.publication import PublicationStep
from dashboards import conventions
from dashboards.boards.board import programme_variable
from dashboards.boards.figures import most_lines
from dashboards.boards.render import board_files, render
from dashboards.cli import boards
from dashboards.conventions import Links
from dashboards.rules.render import rule_documents
from dashboards.rules.site import MonitorSite
from tests.support.boards import BOARDS, CATALOGUE, documents, questions
from tests.support.measures import paid_of_committed
from tests.support.observations import barometer


def with_programme(programme: Programme) -> Catalogue:
    return Catalogue(programmes=(programme,))


def counted() -> Indicator:
    return next(
        one
        for one in CATALOGUE.indicators
        if one.breakdown == "audience" and one.unit is Unit.COUNT
    )


def test_runbooks_are_where_the_site_has_them() -> None:
    text = "".join(render(CATALOGUE, Links(runbooks="https://wiki/r")).values())
    assert '"https://wiki/r/MilestoneMissed.md"' in text
    assert "docs/runbooks" not in text


def test_boards_of_programmes_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    board_files(render(CATALOGUE), tmp_path).write()
    gone, *kept = CATALOGUE.programmes
    board_files(render(Catalogue(programmes=tuple(kept))), tmp_path).write()
    files = {path.name for path in tmp_path.iterdir()}
    assert "mine.json" in files
    assert f"{conventions.programme_board(gone.id)}.json" not in files
    assert f"{conventions.programme_board(kept[0].id)}.json" in files


def test_a_long_id_is_linked_by_the_board_s_own_uid() -> None:
    long = CATALOGUE.programmes[0].model_copy(update={"id": "programme_" + "x" * 40})
    boards = documents(with_programme(long))
    uid = conventions.programme_board(long.id)
    assert len(uid) == conventions.LONGEST_UID
    assert uid in boards
    assert f'"{uid}", "programme", "{long.id}"' in json.dumps(
        boards[conventions.DELEGATE_BOARD], ensure_ascii=False
    ).replace('\\"', '"')


def test_small_counts_are_said_to_be_hidden() -> None:
    """An indicator about persons has its cells from the assessor, and says which are hidden."""
    one = counted().model_copy(update={"min_cell": 11, "published": PublicationStep.MONTHLY})
    programme = CATALOGUE.programme_of(counted().id).model_copy(update={"indicators": (one,)})
    board = documents(with_programme(programme))[conventions.programme_board(programme.id)]
    texts = [json.dumps(panel, ensure_ascii=False) for panel in board["panels"]]
    protected = [text for text in texts if "smartregion_cell_suppressed" in text]
    assert len(protected) == 3, "the territory's figure, the départements', the categories'"
    assert all("■ protégé" in text for text in protected)
    assert sum("smartregion_cell_value" in text for text in texts) == 1
    assert conventions.REGION_CATEGORY.name not in json.dumps(board)


def test_a_programme_without_targets_has_a_board_too() -> None:
    bare = tuple(one.model_copy(update={"milestones": ()}) for one in CATALOGUE.indicators[:1])
    programme = CATALOGUE.programmes[0].model_copy(update={"indicators": bare})
    board = documents(with_programme(programme))[conventions.programme_board(programme.id)]
    titles = [panel["title"] for panel in board["panels"]]
    assert "Jalons" not in titles
    assert board["annotations"]["list"] == []
    assert any(title.startswith(f"{bare[0].title} dans le temps") for title in titles)


def test_the_share_of_refusals_is_drawn_with_its_alert_s_limit() -> None:
    board = BOARDS[conventions.PRODUCERS_BOARD]
    (panel,) = (one for one in board["panels"] if metrics.DEAD_LETTER_SHARE.name in json.dumps(one))
    share, limit = (target["expr"] for target in panel["targets"])
    (alert,) = (
        rule
        for rule in rule_documents(CATALOGUE, MonitorSite())["pipeline"]["groups"][0]["rules"]
        if rule["alert"] == "DeadLetterShareHigh"
    )
    assert alert["expr"] == f"{share} > {limit.removeprefix('vector(').removesuffix(')')}"


def test_the_age_of_a_report_is_coloured_from_the_day_on_which_it_is_unreported() -> None:
    """A report as old as is allowed is not too old."""
    coverage = CATALOGUE.indicator("premises_connectable_ratio")
    allowed = coverage.reporting_delay_days
    assert allowed is not None
    board = BOARDS[conventions.programme_board("tres_haut_debit")]
    (panel,) = (
        one for one in board["panels"] if one["title"] == f"{coverage.title} : le territoire choisi"
    )
    steps = json.dumps(panel["fieldConfig"]["overrides"])
    assert f'{{"color": "purple", "value": {allowed + 1}}}' in steps.replace(".0}", "}")


class TestObserved:
    BOARD = documents(barometer())[conventions.programme_board("barometre")]

    def panel(self, title: str) -> dict[str, Any]:
        (found,) = (one for one in self.BOARD["panels"] if one["title"] == title)
        return dict(found)

    def test_nothing_is_asked_that_only_a_fraction_has(self) -> None:
        asked = [question.expression for question in questions({"": self.BOARD})]
        for metric in (conventions.DEPARTMENT_DENOMINATOR, conventions.REGION_NUMERATOR):
            assert not any(metric.name in expression for expression in asked)
        assert not any('part="denominator"' in expression for expression in asked)

    def test_the_country_is_drawn_where_the_catalogue_shows_it(self) -> None:
        panel = self.panel("Locaux raccordables à la fibre dans le temps (%)")
        (country,) = (one for one in panel["targets"] if one["legendFormat"] == "France entière")
        assert country["expr"].startswith("100 * ")
        assert metrics.INDICATOR_COUNTRY.name in country["expr"]
        assert "La France entière est donnée à titre de comparaison." in panel["description"]
        asked = [question.expression for question in questions({"": self.BOARD})]
        assert sum(metrics.INDICATOR_COUNTRY.name in one for one in asked) == 1

    def test_the_table_has_room_for_the_territory_with_the_most_milestones(self) -> None:
        assert most_lines(barometer().indicators) == 3
        assert len(barometer().indicator("fibre_ratio").milestones) == 3


def test_the_terms_of_a_ratio_of_amounts_are_euros() -> None:
    """Prometheus has cents."""
    asked = list(questions(documents(paid_of_committed())))
    terms = [
        one.expression
        for one in asked
        for name in (conventions.REGION_NUMERATOR, conventions.DEPARTMENT_DENOMINATOR)
        if name.name in one.expression
    ]
    assert len(terms) == 2
    assert all("/ 100)" in one for one in terms)


def test_a_comma_in_a_title_does_not_end_it() -> None:
    """A variable's values are separated by commas, so that those of titles are escaped."""
    first = CATALOGUE.programmes[0].model_copy(update={"title": "Un, deux"})
    assert programme_variable(with_programme(first))["query"] == f"Un\\, deux : {first.id}"


def test_writes_the_catalogue_s_boards(tmp_path: Path) -> None:
    result = CliRunner().invoke(boards, ["render", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == render(CATALOGUE)
    assert f"{len(written)} boards" in result.output
