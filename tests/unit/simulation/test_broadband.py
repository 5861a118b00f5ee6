"""Broadband: the quarters that Arcep has counted."""

from __future__ import annotations

from datetime import date

import pytest

from events.broadband import BroadbandCoverageReported
from events.identifiers import Department, commune_department
from tests.support.simulated import Story


def connectable(story: Story, quarter: date, department: Department) -> float:
    """Return thousands of premises."""
    counts = (
        fact.connectable_premises
        for fact in story.known
        if isinstance(fact, BroadbandCoverageReported)
        and fact.as_of == quarter
        and commune_department(fact.insee) is department
    )
    return sum(counts) / 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("department", "t3_2017", "t1_2018"),
    [
        (Department("75"), 1457, 1484),
        (Department("77"), 143, 195),
        (Department("78"), 256, 309),
        (Department("91"), 201, 234),
        (Department("92"), 705, 756),
        (Department("93"), 294, 345),
        (Department("94"), 308, 344),
        (Department("95"), 220, 252),
    ],
)
def test_connectable_premises_are_those_that_arcep_counted(
    story: Story, department: Department, t3_2017: int, t1_2018: int
) -> None:
    """Thousands by département (Arcep, quarterly observatory), to half a thousand."""
    assert connectable(story, date(2017, 9, 30), department) == pytest.approx(t3_2017, abs=0.5)
    assert connectable(story, date(2018, 3, 31), department) == pytest.approx(t1_2018, abs=0.5)


@pytest.mark.slow
def test_essonne_is_silent_for_two_quarters(story: Story) -> None:
    quarters = date(2019, 3, 31), date(2019, 6, 30)
    recorded = [
        event.time.date()
        for _, event in story.events
        if isinstance(event.fact, BroadbandCoverageReported)
        and event.fact.as_of in quarters
        and commune_department(event.fact.insee) is Department("91")
    ]
    assert min(recorded) == date(2019, 9, 2)
