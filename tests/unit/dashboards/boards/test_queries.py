"""The expressions of panels."""

from catalogue.model import Unit
from dashboards.boards.queries import GEOHASHES, displayed, displayed_change
from events.identifiers import Department
from tests.support.boards import CATALOGUE
from tests.support.observations import barometer

RATIO = next(one for one in CATALOGUE.indicators if one.unit is Unit.RATIO)


def test_a_change_of_what_was_observed_has_its_decimals() -> None:
    waiting = barometer().indicator("waiting_days")
    assert displayed_change([waiting, RATIO], lambda ids: f"v{ids}") == (
        f"round(100 * v=~{RATIO.id}, 0.1) or round(v=~waiting_days, 0.01)"
    )


def test_no_indicator_has_no_series() -> None:
    """A catalogue may promise nothing, or put a number on everything: its board is still one."""
    assert displayed([], str) == displayed_change([], str) == "(vector(0) > 0)"


def test_every_department_has_a_marker_apart_from_the_others() -> None:
    assert list(GEOHASHES) == [str(code) for code in Department]
    assert len(set(GEOHASHES.values())) == len(GEOHASHES)
