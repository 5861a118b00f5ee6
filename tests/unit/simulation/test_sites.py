"""Sites: how their workstations add up, whatever the seed."""

from __future__ import annotations

from datetime import date

import pytest

from simulation.sites import CLOSURES, GROWTH, SITES, WORKSTATIONS, draw_sites
from simulation.territory import draw_territory


@pytest.mark.parametrize("seed", range(5))
def test_levels_add_up_to_the_promise(seed: int) -> None:
    """41 sites and 1 145 workstations in the end, for every seed."""
    sites = draw_sites(seed, draw_territory(seed))
    assert len(sites) == sum(SITES.values()) == 41
    assert sum(site.workstations_on(date(2020, 12, 31)) for site in sites) == WORKSTATIONS


@pytest.mark.parametrize("seed", range(5))
def test_sites_grow_along_the_curve(seed: int) -> None:
    """On a day without a closure, at most one extension short of it."""
    sites = draw_sites(seed, draw_territory(seed))
    day = date(2019, 6, 30)
    total = sum(site.workstations_on(day) for site in sites)
    assert total == pytest.approx(GROWTH.on(day), abs=20)


def test_a_closed_site_has_no_workstations() -> None:
    """None from the closure to the day before the reopening."""
    site = next(s for s in draw_sites(1, draw_territory(1)) if s.site_id in CLOSURES)
    assert site.closure is not None
    assert site.workstations_on(site.closure.closed_on) == 0
    assert site.workstations_on(site.closure.reopened_on) > 0
