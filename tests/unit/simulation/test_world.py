"""Sites and communes, whatever the seed."""

from __future__ import annotations

from datetime import date

import pytest

from simulation.figures import region_figures
from simulation.world import draw_sites, draw_territory

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
