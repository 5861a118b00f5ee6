"""Deliveries of equipment."""

from datetime import date

import pytest
from pydantic import ValidationError

from events.equipment import EquipmentDelivered, EquipmentKind
from events.identifiers import Department


def delivered(department: Department) -> EquipmentDelivered:
    return EquipmentDelivered(
        delivery_id="d-1",
        delivered_on=date(2019, 3, 11),
        uai="0750419Y",
        department=department,
        kind=EquipmentKind.TABLET,
        quantity=30,
    )


def test_department_of_the_school_is_accepted() -> None:
    assert delivered(Department.PARIS).completes_plan is False


def test_another_department_is_refused() -> None:
    with pytest.raises(ValidationError, match="differs from the département of the UAI"):
        delivered(Department.YVELINES)
