"""Refusals as a producer reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import explanation
from events.cloudevent import decode_json
from events.errors import ContractError
from events.explanation import near_name
from events.registry import FACTS_BY_NAME

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

    def near(word: str, *others: Any, **how: Any) -> str | None:
        looked_up.append(word)
        return near_name(word, *others, **how)

    monkeypatch.setattr(explanation, "near_name", near)
    event = {**GRANT, **mistake}
    data = {name: value for name, value in event["data"].items() if name != "siret"}
    for number in range(3):
        with pytest.raises(ContractError):
            decode_json(json.dumps({**event, "id": str(number), "data": data}))

    assert len(looked_up) <= 1


LEAST = 0.7
WORDS = st.text(alphabet="abcde._", min_size=1, max_size=12)


@pytest.mark.parametrize("name", FACTS_BY_NAME)
def test_a_name_with_one_letter_too_few_or_too_many_is_found(name: str) -> None:
    for place in range(len(name)):
        for mistaken in (name[:place] + name[place + 1 :], f"{name[:place]}x{name[place:]}"):
            assert near_name(mistaken, FACTS_BY_NAME, least=LEAST) == name


@given(written=WORDS, known=st.lists(WORDS, max_size=3, unique=True))
def test_of_a_few_names_it_is_the_most_alike(written: str, known: list[str]) -> None:
    likeness = {one: SequenceMatcher(None, one, written).ratio() for one in known}
    enough = {one: ratio for one, ratio in likeness.items() if ratio >= LEAST}

    found = near_name(written, known, least=LEAST)

    assert (found is None) == (not enough)
    assert found is None or enough[found] == max(enough.values())


def test_few_names_are_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many have the same letters: a comparison takes the worker's loop 20 microseconds."""
    compared: list[str] = []

    class Counted(SequenceMatcher[str]):
        def set_seq1(self, a: Sequence[str]) -> None:
            compared.append("".join(a))
            super().set_seq1(a)

    monkeypatch.setattr(explanation, "SequenceMatcher", Counted)
    name = "downlink_mbps"
    turned = {name[place:] + name[:place] for place in range(1, len(name))}
    near_name(name[::-1], turned, least=LEAST)

    assert len([one for one in compared if one]) <= 3
