"""What is shown of refused records to who did not ask for persons' data."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import CloudEvent, decode, encode_structured
from events.dead_letters import DeadLetter, RefusedRecords
from events.errors import ContractError, RefusalReason
from operations.dead_letters.entry import Entry
from operations.dead_letters.formatting import as_document, as_full_document, as_line, as_text
from operations.dead_letters.masking import (
    MASK,
    masked_attribute,
    masked_detail,
    masked_event,
    masked_field,
    masked_header,
)
from tests.support.facts import cloud_events, encode_binary, json_values
from tests.support.letters import letter_of

#: Names, and what could end the masking too soon.
PERSONS = ("Zoé Üñique", "zoe.unique@example.org", "a, value b: Zoé: c", "'Zoé': \", value ")

BINARY = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"urn:iledefrance:lycees"),
    ("ce_type", b"fr.iledefrance.smartregion.school.workspace_activated.v1"),
    ("ce_time", b"2019-03-12T08:00:00Z"),
)


def letter_with(value: bytes, headers: tuple[tuple[str, bytes | None], ...]) -> DeadLetter | None:
    try:
        decode(headers, value)
    except ContractError as error:
        said: dict[str, Any] = {"reason": error.reason, "field": error.field, "detail": str(error)}
        return letter_of(**said, value=value, headers=headers)
    return None


def everything_shown(letter: DeadLetter) -> str:
    case = Entry(letter)
    documents = [as_document(case), as_full_document(case)]
    return f"{as_line(case)}\n{as_text(case)}\n{json.dumps(documents, ensure_ascii=False)}"


@given(event=cloud_events(), person=st.sampled_from(PERSONS), data=st.data(), binary=st.booleans())
def test_a_person_in_any_field_of_the_data_is_not_shown(
    event: CloudEvent, person: str, data: st.DataObject, *, binary: bool
) -> None:
    record = (encode_binary if binary else encode_structured)(event)
    document = json.loads(record.value)
    fact = document if binary else document["data"]
    field = data.draw(st.sampled_from([*fact, "nom", person]))
    fact[field] = data.draw(st.sampled_from([person, [person], {"nom": person}, {person: person}]))
    letter = letter_with(json.dumps(document).encode(), tuple(record.headers))

    if letter is not None:
        shown = everything_shown(letter)
        assert "Zo" not in shown
        assert "zoe" not in shown


@given(value=json_values)
def test_the_structure_is_kept(value: object) -> None:
    def shape(one: object) -> object:
        match one:
            case dict():
                return [shape(inner) for inner in one.values()]
            case list():
                return [shape(inner) for inner in one]
            case _:
                return None

    assert shape(masked_event(value)) == shape(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # What is no attribute of ours may name a person: a subject often does.
        *((name, "dupont") for name in ("subject", "dataschema", "traceparent", "nom")),
        # A producer may mix up its fields.
        ("source", "Jean Dupont"),
        ("id", "jean@example.org"),
        ("type", "Jean"),
        ("time", "hier"),
    ],
)
def test_an_attribute_is_shown_where_it_is_known_and_looks_like_one(name: str, value: str) -> None:
    assert masked_attribute(name, value) == MASK


def test_headers_are_shown_where_they_are_the_envelope_s() -> None:
    assert masked_header("content-type", b"application/json; charset=UTF-8") == (
        "application/json; charset=UTF-8"
    )
    assert masked_header("CE_ID", b"lycees-1") == "lycees-1"
    assert masked_header("ce_subject", b"dupont") == MASK
    assert masked_header("authorization", b"secret") == MASK
    assert masked_header("ce_id", None) is None


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("data.uai", "data.uai"),
        ("data.occupied_hours.company", "data.occupied_hours.company"),
        ("data.'a.dupont.b'", "data.<masked>"),
        ("data.dupont@example.org", "data.<masked>"),
        ("data.0612345678", "data.<masked>"),
    ],
)
def test_a_field_is_shown_as_far_as_its_names_are_plain(field: str, shown: str) -> None:
    assert masked_field(field) == shown


MISSING = "data.uai: is missing: add it: UAI of a lycée, such as '0750419Y'"


@pytest.mark.parametrize(
    ("letter", "shown"),
    [
        # Written by another release: no value can be distinguished.
        (letter_of(detail="Jean Dupont"), "type: <masked>, value <masked>: <masked>"),
        (
            letter_of(),
            "type: is not an event type of this system, value <masked>: send another",
        ),
        # Nothing was found there: all words are ours, and each is needed to repair the event.
        (letter_of(field="data.uai", detail=MISSING), MISSING),
    ],
)
def test_a_reason_keeps_its_problem_and_its_remedy(letter: DeadLetter, shown: str) -> None:
    assert masked_detail(letter) == shown


def test_a_letter_shows_of_a_missing_field_what_its_producer_was_answered() -> None:
    letter = letter_with(b'{"activated_on": "2019-03-11"}', BINARY)

    assert letter is not None
    assert masked_detail(letter) == letter.detail
    assert "data.uai: is missing" in as_text(Entry(letter))


@pytest.mark.parametrize(
    "value",
    ["Zoé: it: is", "it's: Zoé", "'Zoé\": x: ", "Zoé: " * 30, "Zoé\\: '\\", "\\" * 90, 612345678],
)
def test_a_remedy_is_whole_behind_any_value(value: object) -> None:
    """Where the value ends is known, whatever it holds: a remedy may have a colon of its own."""
    error = ContractError(RefusalReason.INVALID_DATA, "data.uai", value, "send: one's own: UAI")
    letter = letter_of(field=error.field, detail=str(error))

    assert masked_detail(letter).endswith(", value <masked>: send: one's own: UAI")
    assert "Zo" not in masked_detail(letter)


def test_a_summary_is_one_line_and_its_offsets_are_shown() -> None:
    summary = RefusedRecords("smartregion.schools", 3, ((42, 99), (120, 122)), (0, 0))
    entry = Entry(letter_of(key=None, value=b"", headers=(), summary=summary))

    assert "smartregion.schools[3]@42..122 (61 records) unknown_type" in as_line(entry)
    document = yaml.safe_load(as_text(entry))
    assert (document["records"], document["offsets"]) == (61, [[42, 99], [120, 122]])
