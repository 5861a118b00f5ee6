"""Sites and communes, whatever the seed."""

from __future__ import annotations

from datetime import date

import pytest

from report.charts.commune_map import commune_of, communes, point_at
from simulation.figures import region_figures
from simulation.world import draw_lycees, draw_sites, draw_territory

GROWTH = region_figures().curves.workstations


@pytest.mark.parametrize("seed", range(5))
def test_levels_add_up_to_the_promise(seed: int) -> None:
    sites = draw_sites(seed, draw_territory(seed))
    assert len(sites) == 41
    assert sum(site.workstations_on(date(2020, 12, 31)) for site in sites) == 1145


@pytest.mark.parametrize("seed", range(5))
def test_sites_grow_along_the_curve(seed: int) -> None:
    sites = draw_sites(seed, draw_territory(seed))
    day = date(2019, 6, 30)
    total = sum(site.workstations_on(day) for site in sites)
    assert total == pytest.approx(GROWTH.on(day), abs=20)


@pytest.mark.parametrize("seed", range(3))
def test_lycees_are_in_their_communes(seed: int) -> None:
    lycees = draw_lycees(seed, draw_territory(seed))
    placed = [one for one in lycees if one.position]

    assert len({one.position for one in placed}) == len(placed) > 0.9 * len(lycees)
    for one in placed:
        assert communes()[commune_of(one.commune)].contains(point_at(one.position))
