"""The persons of an erasure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boundary.errors import SmartRegionError
from operations.erasure.persons import Persons, read_pseudonyms
from tests.support.audits import raw
from tests.support.records import FakeRecord

SOMEBODY = "k1-0123456789abcdef0123456789abcdef"
ANOTHER = SOMEBODY + "0"


def enrolled(pseudonym: str) -> FakeRecord:
    record = raw("training.enrolled", pseudonym, "2018-01-01")
    return FakeRecord(record.topic, 0, 0, record.key, record.value, record.headers)


def broken(value: bytes, *, key: bytes = b"key") -> FakeRecord:
    return FakeRecord("smartregion.trainings", 0, 0, key, value)


def test_pseudonyms_are_read_one_a_line_and_others_are_refused_and_not_shown() -> None:
    assert read_pseudonyms([f" {SOMEBODY}\n", "\n", SOMEBODY]) == {SOMEBODY}
    with pytest.raises(SmartRegionError, match="line 2") as refused:
        read_pseudonyms([SOMEBODY, "Jeanne Dupont"])
    assert "Jeanne" not in str(refused.value)


@pytest.mark.parametrize(
    ("record", "concerned"),
    [
        (enrolled(SOMEBODY), True),
        (enrolled(ANOTHER), False),
        # An event of the future, by the broker's time.
        (replace(enrolled(SOMEBODY), timestamp=0), True),
        (broken(b'{"enrolment_id": "' + SOMEBODY.encode() + b'"'), True),
        (broken(b"?", key=SOMEBODY.encode()), True),
        (broken(ANOTHER.encode()), False),
        (broken(b"?"), False),
    ],
)
def test_records_about_a_person_and_invalid_ones_that_name_it_are_erased(
    record: FakeRecord, *, concerned: bool
) -> None:
    """A longer pseudonym with the same beginning is another person's."""
    assert Persons([SOMEBODY]).concerned_by(record) is concerned


@pytest.mark.parametrize(
    "text",
    [
        SOMEBODY.encode(),
        SOMEBODY.upper().encode(),
        SOMEBODY.encode("utf-16"),
        SOMEBODY.encode("utf-16-be"),
        SOMEBODY.replace("-", r"\u002d").encode(),
        SOMEBODY.replace("-", r"\u002D").encode(),
        SOMEBODY.replace("k", "%6B").encode(),
        f"/enrolments/{SOMEBODY}?x".encode(),
        f"enrolled-{SOMEBODY}-2018".encode(),
    ],
)
def test_a_pseudonym_is_found_in_any_encoding(text: bytes) -> None:
    assert Persons([SOMEBODY]).named_in(b'"x": "' + text + b'"')


@pytest.mark.parametrize("text", [ANOTHER.encode(), b"x" + SOMEBODY.encode(), b"", b"%", b"\\u00"])
def test_another_text_names_no_person(text: bytes) -> None:
    assert not Persons([SOMEBODY]).named_in(text)
    assert not Persons([]).named_in(SOMEBODY.encode())
