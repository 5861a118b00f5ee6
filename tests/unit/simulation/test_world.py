"""Sites and communes, whatever the seed."""

from __future__ import annotations

from datetime import date

import pytest

from simulation.sites import CLOSURES, GROWTH, SITES, WORKSTATIONS, draw_sites
from simulation.territory import draw_territory


@pytest.mark.parametrize("seed", range(5))
def test_levels_add_up_to_the_promise(seed: int) -> None:
    sites = draw_sites(seed, draw_territory(seed))
    assert len(sites) == sum(SITES.values()) == 41
    assert sum(site.workstations_on(date(2020, 12, 31)) for site in sites) == WORKSTATIONS


@pytest.mark.parametrize("seed", range(5))
def test_sites_grow_along_the_curve(seed: int) -> None:
    sites = draw_sites(seed, draw_territory(seed))
    day = date(2019, 6, 30)
    total = sum(site.workstations_on(day) for site in sites)
    assert total == pytest.approx(GROWTH.on(day), abs=20)


def test_a_closed_site_has_no_workstations() -> None:
    site = next(s for s in draw_sites(1, draw_territory(1)) if s.site_id in CLOSURES)
    assert site.closure is not None
    assert site.workstations_on(site.closure.closed_on) == 0
    assert site.workstations_on(site.closure.reopened_on) > 0


def test_turns_run_from_first_to_last_in_each_departement() -> None:
    """A roll-out that has come to its end has come to every commune."""
    for communes in draw_territory(1).values():
        turns = sorted(commune.turn for commune in communes)
        assert (turns[0], turns[-1]) == (0, 1)
        assert len(set(turns)) == len(communes)
