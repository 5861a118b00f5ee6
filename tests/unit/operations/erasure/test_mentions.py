"""Records that name a person and are not erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from events.dead_letters import RecordOrigin, RefusedRecords
from events.errors import ContractError, RefusalReason
from events.topics import DEAD_LETTER_OUTCOMES
from operations.erasure.mentions import Mention, find_letters, find_mentions
from operations.erasure.persons import Persons
from tests.support.audits import raw
from tests.support.letters import arrived, refused
from tests.support.records import FakeRecord

SOMEBODY = "k1-0123456789abcdef0123456789abcdef"
PERSONS = Persons([SOMEBODY])
NOW = datetime(2020, 12, 31, tzinfo=UTC)
REFUSED = ContractError(RefusalReason.INVALID_DATA, "data", None, "send it")


def about_another(**attributes: Any) -> FakeRecord:
    record = raw("training.enrolled", "k1-somebody-else-altogether", "2018-01-01")
    headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())
    return FakeRecord(record.topic, 3, 42, record.key, record.value, (*record.headers, *headers))


def mentions(*records: FakeRecord) -> list[str]:
    return list(map(str, find_mentions(records, PERSONS)))


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (b'{"id": "enrolled-%s"}', "id"),
        (b'{"source": "/x/%s"}', "source"),
        (b'{"causation": "%s"}', "the field causation"),
        (b'{"data": {"a": ["%s"]}}', "data"),
        (b'{"%s": 1}', "a field"),
        (b"{'data': '%s'}", "value"),
        (b'[{"id": "%s"}]', "value"),
        (b'{"id": "%s", "subject": "%s"}', "id, subject"),
    ],
)
def test_the_parts_that_name_a_person_are_shown(value: bytes, part: str) -> None:
    named = value.replace(b"%s", SOMEBODY.encode())

    assert mentions(FakeRecord("smartregion.grants", 3, 42, b"key", named)) == [
        f"smartregion.grants[3]@42: in {part}"
    ]


def test_an_event_about_another_that_names_one_is_a_mention() -> None:
    record = raw("training.enrolled", SOMEBODY, "2018-01-01")
    own = FakeRecord(record.topic, 0, 0, record.key, record.value, record.headers)

    assert mentions(own, about_another(), about_another(causation=SOMEBODY)) == [
        "smartregion.trainings[3]@42: in the field causation"
    ]


def test_a_header_s_name_with_a_pseudonym_is_not_shown() -> None:
    assert mentions(about_another(**{SOMEBODY: "1"}))[0].endswith("in a field")


def test_keys_and_outcomes_are_searched_as_well() -> None:
    note = b'{"because": "asked by %s"}' % SOMEBODY.encode()
    found = mentions(
        FakeRecord("smartregion.grants", 0, 1, SOMEBODY.encode(), b"{}"),
        FakeRecord(DEAD_LETTER_OUTCOMES, 0, 2, b"0/17", note),
    )

    assert [one.split(": in ")[1] for one in found] == ["its key", "the field because"]


def test_a_summary_is_found_by_any_of_its_records() -> None:
    """It holds nothing of them, but a replay would read them from their topic."""
    summary = RefusedRecords("smartregion.grants", 3, ((40, 50),), (0, 0))
    origin = RecordOrigin("smartregion.grants", 3, 40)
    letter = refused(REFUSED, origin=origin, key=None, value=b"", headers=(), summary=summary)
    named = Mention("smartregion.grants", 3, 45, ("id",))
    erased = origin._replace(offset=50)

    def found(**what: Any) -> list[bool]:
        traces = find_letters(arrived([letter]), PERSONS, **{"erased": (), **what})
        return [trace.names for trace in traces]

    assert found() == []
    assert found(erased=[erased]) == [False]
    assert found(mentions=[named]) == [True]
    assert found(erased=[erased._replace(offset=51)], mentions=[replace(named, offset=39)]) == []


def test_letters_are_found_by_content_or_by_origin() -> None:
    theirs = RecordOrigin("smartregion.trainings", 3, 42)
    letters = [
        refused(REFUSED, origin=origin, key=None, value=value, now=NOW)
        for origin, value in (
            (RecordOrigin("smartregion.trainings", 0, 1), b'{"id": "%s"}' % SOMEBODY.encode()),
            (theirs, b'{"x": "%s"' % SOMEBODY.encode()),
            (RecordOrigin("smartregion.trainings", 0, 2), b'{"x": 1}'),
        )
    ]

    assert list(map(str, find_letters(arrived(letters), PERSONS, erased=[theirs]))) == [
        "0/0 names one, kept until 2021-04-07",
        "0/1 is of a record of one, kept until 2021-04-07",
    ]
