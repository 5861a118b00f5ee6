"""Coworking: 41 sites, 1 145 workstations in the end, one site away for seven months."""

from __future__ import annotations

from datetime import date

import pytest

from events.coworking import CoworkingClosed, CoworkingFact, CoworkingOpened, CoworkingResized
from tests.support.simulated import Story


def workstations(story: Story, as_of: date) -> dict[str, int]:
    """Workstations of the sites that are open on a day."""
    levels: dict[str, int] = {}
    for fact in story.facts(CoworkingFact):
        if fact.effective_day > as_of:
            break
        if isinstance(fact, CoworkingOpened | CoworkingResized):
            levels[fact.site_id] = fact.workstations
        elif isinstance(fact, CoworkingClosed):
            del levels[fact.site_id]
    return levels


def test_41_sites_have_1145_workstations_in_the_end(story: Story) -> None:
    """The promised numbers, exactly."""
    final = workstations(story, date(2020, 12, 31))
    assert len(final) == 41
    assert sum(final.values()) == 1145


@pytest.mark.parametrize(
    ("day", "sites"), [(date(2016, 1, 1), 41), (date(2018, 6, 30), 40), (date(2018, 11, 5), 41)]
)
def test_a_site_is_lost_and_found_again(story: Story, day: date, sites: int) -> None:
    """41 from the start, 40 while one is closed."""
    assert len(workstations(story, day)) == sites


def test_no_workstation_is_new_at_the_start(story: Story) -> None:
    """The promise is about new ones: the count begins at zero."""
    assert sum(workstations(story, date(2016, 1, 1)).values()) == 0


def test_the_target_is_attained_weeks_before_the_end(story: Story) -> None:
    """Not earlier than November 2020."""
    assert sum(workstations(story, date(2020, 10, 31)).values()) < 1145
    assert sum(workstations(story, date(2020, 11, 30)).values()) == 1145
