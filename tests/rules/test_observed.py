"""Observed indicators in the rules: the region's figure is its own, and blank where it has none."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from catalogue.progress import MilestoneStatus
from dashboards import conventions
from dashboards.conventions import WORKER_JOB
from dashboards.rules.render import render, write
from dashboards.rules.site import MonitorSite
from tests.rules.conftest import CATALOGUE
from tests.support.boards import documents, questions
from tests.support.observations import barometer
from tests.support.prometheus import promtool, require_prometheus
from tests.support.rule_scenarios import ABSENT, DAY, TODAY, RuleScenario, Span

FIBRE = {"programme": "barometre", "indicator": "fibre_ratio"}
WAITING = {"programme": "barometre", "indicator": "waiting_days"}
LONG = 60


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_prometheus()
    folder = tmp_path_factory.mktemp("rendered")
    counting = load_catalogue(CATALOGUE).programmes
    both = Catalogue(programmes=(*counting, *barometer().programmes))
    write(render(both, MonitorSite()), folder)
    return folder / "prometheus" / "rules"


def shown(
    scenario: RuleScenario,
    indicator: dict[str, str],
    department: str,
    partition: int,
    *values: Span,
    reported: float = TODAY - DAY,
) -> None:
    where = {
        **indicator,
        "department": department,
        "partition": str(partition),
        "job": WORKER_JOB,
        "instance": "worker:6066",
    }
    days: list[Span] = [(None if value is None else reported, long) for value, long in values]
    scenario.expose(metrics.INDICATOR_VALUE, *values, **where)
    scenario.expose(metrics.INDICATOR_LAST_REPORTED, *days, **where)


def region(indicator: dict[str, str]) -> dict[str, str]:
    return {"__name__": conventions.REGION_VALUE.name, **indicator}


def territory(name: str, indicator: dict[str, str], department: str) -> dict[str, str]:
    return {"__name__": name, **indicator, "department": department}


def test_the_region_is_what_was_observed_there(scenario: RuleScenario) -> None:
    """And not the sum of its départements, on whichever partition it is."""
    scenario.healthy()
    shown(scenario, FIBRE, "75", 0, (0.9, LONG))
    shown(scenario, FIBRE, "77", 1, (0.4, LONG))
    shown(scenario, FIBRE, metrics.REGION, 2, (0.7125, LONG))
    scenario.expect_samples(5, conventions.REGION_VALUE.name, region(FIBRE), value=0.7125)
    own = conventions.TERRITORY_VALUE.name
    scenario.expect_samples(5, f'{own}{{department="75"}}', territory(own, FIBRE, "75"), value=0.9)
    scenario.expect_samples(
        5, f'{own}{{department="region"}}', territory(own, FIBRE, metrics.REGION), value=0.7125
    )


def test_departments_make_no_region(scenario: RuleScenario) -> None:
    scenario.healthy()
    shown(scenario, FIBRE, "75", 0, (0.9, LONG))
    shown(scenario, FIBRE, "77", 1, (0.4, LONG))
    scenario.expect_samples(5, conventions.REGION_VALUE.name)
    last = conventions.TERRITORY_LAST_REPORTED.name
    scenario.expect_samples(5, f'{last}{{department="region"}}')
    scenario.expect_samples(
        5, f'{last}{{department="77"}}', territory(last, FIBRE, "77"), value=TODAY - DAY
    )


def test_the_region_s_last_report_is_its_own(scenario: RuleScenario) -> None:
    scenario.healthy()
    shown(scenario, FIBRE, "75", 0, (0.9, LONG), reported=TODAY - DAY)
    shown(scenario, FIBRE, metrics.REGION, 1, (0.7, LONG), reported=TODAY - 90 * DAY)
    last = conventions.TERRITORY_LAST_REPORTED.name
    scenario.expect_samples(
        5,
        f'{last}{{department="region"}}',
        territory(last, FIBRE, metrics.REGION),
        value=TODAY - 90 * DAY,
    )


def test_what_is_taken_back_is_blank(scenario: RuleScenario) -> None:
    scenario.healthy()
    shown(scenario, WAITING, metrics.REGION, 3, (12.5, 10), (ABSENT, LONG))
    scenario.expect_samples(5, conventions.REGION_VALUE.name, region(WAITING), value=12.5)
    scenario.expect_samples(15, conventions.REGION_VALUE.name)


def test_every_expression_of_its_boards_is_understood(tmp_path: Path) -> None:
    require_prometheus()
    asked = [
        {"record": f"asked:{number}", "expr": question.expression}
        for number, question in enumerate(questions(documents(barometer())))
    ]
    file = tmp_path / "asked.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": asked}]}))
    promtool("check", "rules", file)
    assert len(asked) > 100


@pytest.mark.parametrize(("chosen", "target"), [("75", 95), ("77", 60), (metrics.REGION, None)])
def test_the_chosen_departement_s_own_target_is_drawn(
    scenario: RuleScenario, chosen: str, target: float | None
) -> None:
    (own,) = (
        question.expression
        for question in questions(
            documents(barometer()), {"$department": chosen, "$__rate_interval": "1m"}
        )
        if question.legend == "Cible au 31/12/2020, département choisi"
    )
    for milestone, department, value in (("paris_2020", "75", 0.95), ("meaux_2020", "77", 0.6)):
        scenario.expose(metrics.MILESTONE_TARGET, (value, LONG), **FIBRE, milestone=milestone)
        scenario.judged(
            FIBRE["programme"],
            FIBRE["indicator"],
            milestone,
            department,
            (MilestoneStatus.AT_RISK, LONG),
        )
    scenario.expect_samples(5, own, *([{}] if target else []), value=target or 0)
