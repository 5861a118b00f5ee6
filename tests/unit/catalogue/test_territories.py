"""What people call the territories."""

from catalogue.territories import REGION, REGION_NAME, TERRITORY_NAMES, TERRITORY_TITLES
from events.identifiers import Department


def test_the_region_and_every_department_have_a_name() -> None:
    assert list(TERRITORY_NAMES) == [REGION, *(str(code) for code in Department)]


def test_a_department_is_titled_with_its_code() -> None:
    assert TERRITORY_TITLES["77"] == "Seine-et-Marne (77)"
    assert TERRITORY_TITLES[REGION] == REGION_NAME
