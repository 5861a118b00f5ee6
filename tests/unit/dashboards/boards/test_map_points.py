"""Where the départements are on the map."""

from dashboards.boards.map_points import MAP_POINTS, geohash
from events.identifiers import Department


def test_every_department_has_a_point() -> None:
    """The départements are those that events may name, in the order of their codes."""
    assert list(MAP_POINTS) == [str(code) for code in Department]


def test_geohash_is_the_published_one() -> None:
    """The example of the geohash's own description, and Paris."""
    assert geohash(57.64911, 10.40744, letters=11) == "u4pruydqqvj"
    assert geohash(48.857, 2.343, letters=5) == "u09tv"


def test_departments_are_apart_on_the_map() -> None:
    """No two départements share a cell."""
    cells = {geohash(*point) for point in MAP_POINTS.values()}
    assert len(cells) == len(MAP_POINTS)
