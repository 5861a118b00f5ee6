"""Refusals as a producer reads them."""

from __future__ import annotations

import json
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from events import explanation
from events.cloudevent import decode_json
from events.errors import ContractError

MESSAGES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "corpus" / "refusal_messages.yaml").read_text(encoding="utf-8")
)
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


@pytest.mark.parametrize(("field", "value", "message"), [tuple(case.values()) for case in MESSAGES])
def test_messages_read_as_sentences(field: str, value: object, message: str) -> None:
    changed = {**GRANT, "data": {**GRANT["data"], field: value}}
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps(changed))
    assert str(refused.value) == message


def test_a_long_unknown_name_is_cut() -> None:
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "data": {**GRANT["data"], "x" * 10_000: 1}}))
    assert len(refused.value.field) < 100


def test_a_missing_field_is_described() -> None:
    data = {name: value for name, value in GRANT["data"].items() if name != "siret"}
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "data": data}))
    assert str(refused.value) == (
        "data.siret: is missing:"
        " add it: SIRET of the organisation that receives the grant: 14 digits, the last one"
        " their check (Luhn),"
        " such as '23750007900312'"
    )


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("siret", "sirte"),
        ("siret", "SIRET"),
        ("amount_cents", "amount_cent"),
        ("amount_cents", "amountCents"),
        ("call", "cal"),
    ],
)
def test_a_misspelt_field_is_reported_with_the_one_that_is_missing(
    field: str, written: str
) -> None:
    """One mistake is reported as one: looking for the missing field a producer would not see it."""
    data = {name: value for name, value in GRANT["data"].items() if name != field}
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "data": {**data, written: GRANT["data"][field]}}))
    assert refused.value.field == f"data.{field}"
    assert refused.value.problem == f"is missing, and {written!r} is unknown (a misspelling?)"


def test_a_misspelt_attribute_is_reported_too() -> None:
    event = {("tiem" if name == "time" else name): value for name, value in GRANT.items()}
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps(event))
    assert refused.value.field == "time"
    assert "'tiem' is unknown" in refused.value.problem


PERSON = "Jeanne"


@pytest.mark.parametrize(
    "written",
    [
        "school.conected",
        "fr.iledefrance.smartregion.schoolconnected.v1",
        "fr.iledefrance.smart-region.school.connected.v1",
        "FR.IleDeFrance.SmartRegion.School.Connected.v1",
        "fr.iledefrance.smartregion.school.connected.v2",
    ],
)
def test_a_type_is_recognised_by_its_name(written: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "type": written}))
    assert refused.value.remedy == "did you mean 'fr.iledefrance.smartregion.school.connected.v1'?"


def test_a_type_of_another_system_is_taken_for_none() -> None:
    with pytest.raises(ContractError, match=r"send one of: fr\.iledefrance"):
        decode_json(json.dumps({**GRANT, "type": "com.example.order.v1"}))


@given(names=st.lists(st.text(max_size=80) | st.just("sirett"), max_size=5, unique=True))
def test_no_other_unknown_name_is_reported_and_no_value(names: list[str]) -> None:
    """They may be a person's data; one that is near a field's name is none."""
    data = {name: value for name, value in GRANT["data"].items() if name != "siret"}
    unknown = {name: PERSON for name in names if name not in GRANT["data"] and name != "siret"}
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "data": {**unknown, **data}}))

    if refused.value.field != "data.siret":  # Of an empty name, or of `retracted`.
        return
    message = str(refused.value)
    assert PERSON not in message
    near = [name for name in unknown if repr(name) + " is unknown" in message]
    assert all(SequenceMatcher(None, name.lower(), "siret").ratio() >= 0.6 for name in near)
    assert len(near) <= 1
    assert ("is unknown" in message) == bool(near)


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf{}", "\ufeff{}"])
def test_a_byte_order_mark_is_named(text: str | bytes) -> None:
    with pytest.raises(ContractError) as refused:
        decode_json(text)
    assert refused.value.remedy.startswith("remove the byte order mark")


def test_the_first_mistake_is_reported() -> None:
    with pytest.raises(ContractError) as refused:
        decode_json(json.dumps({**GRANT, "id": "", "data": {}}))
    assert refused.value.field == "id"


def test_a_nested_mistake_has_a_dotted_path() -> None:
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


@pytest.mark.parametrize(
    "mistake",
    [
        {"type": "fr.iledefrance.smartregion.grant.comitted.v1"},
        {"data": {"siren": "237500079", **GRANT["data"]}},
    ],
)
def test_a_mistake_that_is_made_again_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch, mistake: dict[str, Any]
) -> None:
    """Each of a batch of thousands took one to two milliseconds of the worker's loop."""
    looked_up: list[str] = []

    def near(word: str, *others: Any, **how: Any) -> list[str]:
        looked_up.append(word)
        return get_close_matches(word, *others, **how)

    monkeypatch.setattr(explanation, "get_close_matches", near)
    event = {**GRANT, **mistake}
    data = {name: value for name, value in event["data"].items() if name != "siret"}
    for number in range(3):
        with pytest.raises(ContractError):
            decode_json(json.dumps({**event, "id": str(number), "data": data}))

    assert len(looked_up) <= 1
