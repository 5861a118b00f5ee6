"""From judgements to figures as programs read them."""

from __future__ import annotations

import json
from datetime import date

from catalogue.figure import Figure, figures_of
from catalogue.history import Histories, Reading
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from tests.support.figure_histories import reported

CATALOGUE = load_catalogue()
AS_OF = date(2018, 7, 2)


def figures(**reports: Reading) -> dict[tuple[str, str | None], Figure]:
    histories: Histories = {(name, None): reported(one) for name, one in reports.items()}
    found = figures_of(CATALOGUE, judge_all(CATALOGUE, histories, AS_OF), AS_OF)
    return {(one.indicator, one.department): one for one in found}


def figure(indicator: str, reading: Reading) -> Figure:
    return figures(**{indicator: reading})[indicator, None]


def test_each_indicator_has_a_figure_for_the_region_then_for_each_departement() -> None:
    assert list(figures()) == [
        (indicator.id, department)
        for indicator in CATALOGUE.indicators
        for department in indicator.territories
    ]


def test_an_assumed_deadline_is_said_to_be_assumed() -> None:
    created = figure("workstations_created", Reading(600, last_reported=AS_OF))
    connected = figure("schools_connected_ratio", Reading(229, 458, AS_OF))
    assert (created.assumed, connected.assumed) == (True, False)


def test_a_figure_is_plain_json() -> None:
    made = figure("workstations_created", Reading(600, last_reported=AS_OF))
    dumped = json.dumps(made.model_dump(mode="json"))
    assert Figure.model_validate_json(dumped) == made
