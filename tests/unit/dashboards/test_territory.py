"""The Région's territories: names and places."""

from catalogue.metrics import REGION
from dashboards.territory import DEPARTMENTS, REGION_NAME, geohash, territory_name
from events.identifiers import Department


def test_every_department_has_a_name_and_a_place() -> None:
    """The départements are those that events may name, in the order of their codes."""
    assert list(DEPARTMENTS) == [str(code) for code in Department]


def test_names_are_french() -> None:
    """A label's value becomes what people call the territory."""
    assert territory_name("77") == "Seine-et-Marne"
    assert territory_name(REGION) == REGION_NAME


def test_geohash_is_the_published_one() -> None:
    """The example of the geohash's own description, and Paris."""
    assert geohash(57.64911, 10.40744, letters=11) == "u4pruydqqvj"
    assert geohash(48.857, 2.343, letters=5) == "u09tv"


def test_departments_are_apart_on_the_map() -> None:
    """No two départements share a cell."""
    cells = {geohash(place.latitude, place.longitude) for place in DEPARTMENTS.values()}
    assert len(cells) == len(DEPARTMENTS)
