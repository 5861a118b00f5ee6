"""Values that others computed."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import decode_json
from events.errors import ContractError, RefusalReason
from events.observation import IndicatorObserved, Territory

EVENT = (
    '{"specversion":"1.0","id":"1","source":"/test","time":"2019-03-11T09:30:00Z",'
    '"type":"fr.iledefrance.smartregion.indicator.observed.v1","data":{"indicator":"IND-042",'
    '"territory":"D77","observed_on":"2019-03-11","value":%s}}'
)


def observed(value: str) -> IndicatorObserved:
    fact = decode_json(EVENT % value).fact
    assert isinstance(fact, IndicatorObserved)
    return fact


@pytest.mark.parametrize("territory", Territory)
def test_a_department_is_an_attribute_and_nothing_else_is(territory: Territory) -> None:
    fact = IndicatorObserved(
        indicator="IND-042", territory=territory, observed_on=date(2019, 3, 11), value=Decimal(1)
    )
    department = fact.attributes().get("department")
    assert (department is not None) == (territory not in (Territory.REGION, Territory.COUNTRY))
    assert department in (None, territory.value.removeprefix("D"))


@given(st.integers(-(10**15), 10**15))
def test_a_value_is_exact_to_its_last_decimal(micros: int) -> None:
    assert observed(str(Decimal(micros).scaleb(-6))).attributes()["value_micros"] == micros


@given(st.integers(-(10**15), 10**15))
def test_a_value_is_written_as_a_number(micros: int) -> None:
    fact = observed(str(Decimal(micros).scaleb(-6)))
    written = json.loads(fact.model_dump_json(), parse_float=Decimal)["value"]
    assert written == Decimal(micros).scaleb(-6)


@pytest.mark.parametrize(
    "value",
    ["1000000000.000001", "-1000000001", "1e400", "1e10", "0.1234567", "1e-7", '"12.5"', "true",
     "null", "[1]", "NaN", "Infinity", "9" * 5000],
)  # fmt: skip
def test_what_is_no_such_number_is_refused(value: str) -> None:
    with pytest.raises(ContractError) as refusal:
        observed(value)
    assert refusal.value.reason in (RefusalReason.INVALID_DATA, RefusalReason.INVALID_JSON)
