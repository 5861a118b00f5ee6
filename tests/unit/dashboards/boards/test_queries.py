"""The expressions of panels."""

from catalogue.model import Unit
from dashboards.boards.queries import (
    MAP_POINTS,
    displayed,
    displayed_change,
    geohash,
)
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


def test_every_department_has_a_point() -> None:
    assert list(MAP_POINTS) == [str(code) for code in Department]


def test_geohash_is_the_published_one() -> None:
    assert geohash(57.64911, 10.40744, letters=11) == "u4pruydqqvj"
    assert geohash(48.857, 2.343, letters=5) == "u09tv"


def test_departments_are_apart_on_the_map() -> None:
    cells = {geohash(*point) for point in MAP_POINTS.values()}
    assert len(cells) == len(MAP_POINTS)
