"""Fibre: nine territories, twenty quarters, never more than very high speed."""

from __future__ import annotations

from collections import Counter
from datetime import date

from events.observation import IndicatorObserved, Territory
from simulation.broadband import FIBRE, FIRST_QUARTER, LAST_QUARTER
from simulation.figures import figures_by_department
from simulation.times import quarter_ends
from tests.support.simulated import Story

QUARTERS = list(quarter_ends(FIRST_QUARTER, LAST_QUARTER))


def test_each_territory_has_a_figure_of_each_quarter(story: Story) -> None:
    found = Counter((fact.indicator, fact.observed_on) for fact in story.facts(IndicatorObserved))
    assert found == {(FIBRE, quarter): 9 for quarter in QUARTERS}


def test_fibre_is_part_of_very_high_speed(story: Story) -> None:
    counts: dict[Territory, dict[date, int]] = {}
    for fact in story.facts(IndicatorObserved):
        counts.setdefault(fact.territory, {})[fact.observed_on] = int(fact.value)
    for department, figures in figures_by_department().items():
        by_day = counts[Territory.of(department.value)]
        assert all(count < figures.connectable.on(day) for day, count in by_day.items())
    for by_day in counts.values():
        assert list(by_day.values()) == sorted(by_day.values())


def test_the_region_is_the_sum_of_its_departements(story: Story) -> None:
    for quarter in QUARTERS:
        observed = [fact for fact in story.facts(IndicatorObserved) if fact.observed_on == quarter]
        own = {fact.territory: fact.value for fact in observed}
        region = own.pop(Territory.REGION)
        assert region == sum(own.values())
