"""A letter keeps a record that was wholly read and has no person's data, and nothing of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import encode_structured
from events.dead_letter_content import letter_content, may_be_kept
from events.errors import ContractError, RefusalReason
from events.fact import JSON
from tests.support.facts import encode_binary
from tests.support.letters import valid_event

CONTENTS: dict[str, list[JSON]] = yaml.safe_load(
    (Path(__file__).parents[2] / "corpus" / "letter_contents.yaml").read_text(encoding="utf-8")
)
MAIL = "jean.dupont@example.org"
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
EVENT = {"id": "1", "type": "x", "data": {"a": [1, {"b": None}], "title": "é à"}}

PLAIN_VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["", "a", "é", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)


def kept(value: bytes | str) -> bool:
    return may_be_kept(None, value if isinstance(value, bytes) else value.encode(), STRUCTURED)


def with_mail(content: Any, mail: str, path: list[int]) -> Any:  # noqa: ANN401 - any JSON
    if path and isinstance(content, list) and content:
        at = path[0] % len(content)
        return [*content[:at], with_mail(content[at], mail, path[1:]), *content[at + 1 :]]
    if path and isinstance(content, dict) and content:
        name = sorted(content)[path[0] % len(content)]
        return {**content, name: with_mail(content[name], mail, path[1:])}
    return {mail: content} if len(path) % 2 else mail


def test_a_valid_record_may_be_kept() -> None:
    for record in (encode_structured(valid_event()), encode_binary(valid_event())):
        assert may_be_kept(record.key, record.value, record.headers)
    assert kept(json.dumps(EVENT))
    assert kept(b"")
    assert may_be_kept(None, None, ())


@given(PLAIN_VALUES, st.lists(st.integers(0, 9), max_size=4), st.booleans())
def test_a_record_with_an_address_anywhere_is_not_kept(
    content: Any,  # noqa: ANN401 - any JSON
    path: list[int],
    escaped: bool,  # noqa: FBT001 - an example's
) -> None:
    text = json.dumps({"id": "1", "data": with_mail(content, MAIL, path)})

    assert not kept(text.replace("@", r"\u0040") if escaped else text)


@pytest.mark.parametrize("content", CONTENTS["free_text"])
def test_a_record_with_free_text_is_not_kept(content: JSON) -> None:
    assert not kept(json.dumps(content))


@pytest.mark.parametrize("text", ['{"client":"Dupont"}', " [1]", "Jean Dupont", "Dupont, Jean"])
def test_keys_and_headers_are_checked_as_well(text: str) -> None:
    assert not may_be_kept(text.encode(), b"{}", ())
    assert not may_be_kept(b"k", b"{}", [("who", text.encode())])
    assert may_be_kept(b"0750652B", b"{}", [("content-type", b"application/json; charset=utf-8")])


@pytest.mark.parametrize("content", CONTENTS["kept"])
def test_values_of_a_contract_s_fields_are_kept(content: JSON) -> None:
    assert kept(json.dumps(content))


@given(st.integers(1, len(json.dumps(EVENT)) - 1))
def test_json_that_is_cut_short_is_not_kept(length: int) -> None:
    assert not kept(json.dumps(EVENT)[:length])


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=4), st.data())
def test_each_value_of_a_repeated_key_is_checked(names: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(names) - 1))
    pairs = [
        f"{json.dumps(name)}: {json.dumps(MAIL if number == at else 1)}"
        for number, name in enumerate(names)
    ]

    assert not kept(f'{{"data": {{{", ".join(pairs)}}}}}')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_another_encoding_is_not_read(encoding: str) -> None:
    assert not kept(json.dumps(EVENT).encode(encoding))


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("value", "value"),
        ("data.uai", "data.uai"),
        ("data.parts.3.uai", "data.….3.uai"),
        ("data.dupont", "data.…"),
        ("data.0612345678", "data.…"),
        ("'jean.dupont'", "….…"),
        ("ce-subject", "ce-subject"),
        ("ce_dupont", "ce_…"),
    ],
)
def test_of_what_is_not_kept_the_refusal_repeats_nothing(field: str, shown: str) -> None:
    error = ContractError(RefusalReason.INVALID_DATA, field, "Dupont", "send a number")

    content = letter_content(error, None, b"{", ())

    assert not content.keeps_record
    assert str(content.error) == f"{shown}: breaks the contract of its fact: send a number"


def test_what_is_kept_has_its_refusal_as_it_is() -> None:
    error = ContractError(RefusalReason.INVALID_DATA, "data.uia", "x", "remove it")

    assert letter_content(error, None, b"{}", ()) == (True, error)
