"""Refusals as a producer reads them."""

import json
from typing import Any

import pytest

from events.cloudevent import decode_json
from events.errors import ContractError

GRANT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a-1",
    "source": "/iledefrance/formation",
    "type": "fr.iledefrance.smartregion.grant.committed.v1",
    "time": "2017-05-02T10:00:00Z",
    "data": {
        "grant_id": "g-1",
        "committed_on": "2017-05-02",
        "call": "second_digital_chance",
        "siret": "23750007900312",
        "amount_cents": 100,
        "department": "93",
    },
}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "call",
            "second_chance",
            (
                "data.call: is not one of the known values, value 'second_chance': send one of"
                " 'digital_vocational_training', 'second_digital_chance' or 'shared_workplaces'"
            ),
        ),
        (
            "siret",
            "23750007900313",
            (
                "data.siret: fails its check (Luhn), value '23750007900313':"
                " copy the 14 digits again from the organisation's Sirene notice"
            ),
        ),
        (
            "amount_cents",
            0,
            (
                "data.amount_cents: should be greater than 0, value 0:"
                " send: euro cents, a whole number up to 10000000000000"
            ),
        ),
        (
            "amount_cents",
            12.5,
            (
                "data.amount_cents: should be a valid integer, value 12.5:"
                " send: euro cents, a whole number up to 10000000000000"
            ),
        ),
        (
            "grant_id",
            "a b",
            (
                "data.grant_id: does not have the right form, value 'a b':"
                " send: identifier: 1 to 64 letters, digits and . _ : -, such as 'grant-2019-0042'"
            ),
        ),
        (
            "colour",
            "blue",
            (
                "data.colour: is not a field of this fact, value 'blue': remove it; the fields are"
                " retracted, grant_id, call, siret, amount_cents, department, committed_on"
            ),
        ),
        (
            "two\nlines",
            1,
            (
                "data.'two\\nlines': is not a field of this fact, value 1: remove it; the fields"
                " are retracted, grant_id, call, siret, amount_cents, department, committed_on"
            ),
        ),
    ],
)
def test_messages_read_as_sentences(field: str, value: object, message: str) -> None:
    """A refusal says which field, what is wrong, what was found, and what to send."""
    told = {**GRANT, "data": {**GRANT["data"], field: value}}
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps(told))
    assert str(refused.value) == message


def test_a_long_unknown_name_is_cut() -> None:
    """A producer's own name for a field may have any length, a message has not."""
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "data": {**GRANT["data"], "x" * 10_000: 1}}))
    assert len(refused.value.field) < 100


def test_a_missing_field_is_described() -> None:
    """What is missing is told with what it must be, and an example."""
    data = {name: value for name, value in GRANT["data"].items() if name != "siret"}
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "data": data}))
    assert str(refused.value) == (
        "data.siret: is missing, value none:"
        " add it: SIRET of the organisation that receives the grant: 14 digits, the last one"
        " their check (Luhn),"
        " such as '23750007900312'"
    )


def test_the_first_mistake_is_told() -> None:
    """Of several mistakes the envelope's come first: without it the rest has no meaning."""
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "id": "", "data": {}}))
    assert refused.value.field == "id"


def test_a_nested_mistake_has_a_dotted_path() -> None:
    """A wrong audience leads to its place in the mapping."""
    usage = {
        **GRANT,
        "type": "fr.iledefrance.smartregion.workstation.usage_reported.v1",
        "data": {
            "site_id": "site-1",
            "period_start": "2017-04-01",
            "period_end": "2017-04-30",
            "department": "93",
            "available_hours": 10,
            "occupied_hours": {"company": -1},
        },
    }
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps(usage))
    assert refused.value.field == "data.occupied_hours.company"
