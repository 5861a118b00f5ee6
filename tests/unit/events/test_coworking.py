"""Intermediate workplaces."""

from datetime import date

import pytest
from pydantic import ValidationError

from events.coworking import CoworkingOpened
from events.identifiers import Department


def opened(commune: str) -> CoworkingOpened:
    return CoworkingOpened(
        site_id="site-1",
        opened_on=date(2016, 9, 1),
        name="Le Quai",
        department=Department.ESSONNE,
        commune=commune,
        workstations=0,
    )


def test_commune_of_the_department_is_accepted() -> None:
    assert opened("91228").commune == "91228"


def test_commune_of_another_department_is_refused() -> None:
    with pytest.raises(ValidationError, match="not in the département of the site"):
        opened("77288")
