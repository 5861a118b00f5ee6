"""Records that name a person and are not erased."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from events.dead_letters import RecordOrigin, RefusedRecords
from events.errors import ContractError, RefusalReason
from events.topics import DEAD_LETTER_OUTCOMES
from operations.erasure.persons import Persons
from operations.erasure.procedure import find_letters, find_mentions
from tests.support.audits import raw
from tests.support.letters import arrived, refused
from tests.support.records import FakeRecord

SOMEBODY = b"k1-0123456789abcdef0123456789abcdef"
PERSONS = Persons([SOMEBODY.decode()])
NOW = datetime(2020, 12, 31, tzinfo=UTC)
REFUSED = ContractError(RefusalReason.INVALID_DATA, "data", None, "send it")


def about_another(**attributes: Any) -> FakeRecord:
    record = raw("training.enrolled", "k1-somebody-else-altogether", "2018-01-01")
    headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())
    return FakeRecord(record.topic, 3, 42, record.key, record.value, (*record.headers, *headers))


@pytest.mark.parametrize(
    "record",
    [
        FakeRecord("smartregion.grants", 3, 42, b"key", b'{"id": "enrolled-%s"}' % SOMEBODY),
        FakeRecord("smartregion.grants", 3, 42, b"key", b"{'data': '%s'}" % SOMEBODY),
        FakeRecord("smartregion.grants", 3, 42, SOMEBODY, b"{}"),
        FakeRecord("smartregion.grants", 3, 42, b"key", b"{}", ((SOMEBODY.decode(), b"1"),)),
        # A reason that was written by hand.
        FakeRecord(DEAD_LETTER_OUTCOMES, 3, 42, b"0/17", b'{"because": "by %s"}' % SOMEBODY),
        about_another(causation=SOMEBODY.decode()),
    ],
)
def test_a_record_that_names_a_person_is_found_in_each_of_its_parts(record: FakeRecord) -> None:
    assert list(find_mentions([record], PERSONS)) == [RecordOrigin(record.topic, 3, 42)]


def test_an_event_about_another_and_one_that_is_erased_are_no_mention() -> None:
    own = raw("training.enrolled", SOMEBODY.decode(), "2018-01-01")

    assert list(find_mentions([own, about_another()], PERSONS)) == []


def test_a_summary_is_found_by_any_of_its_records() -> None:
    """It holds nothing of them, but a replay would read them from their topic."""
    summary = RefusedRecords("smartregion.grants", 3, ((40, 50),), (0, 0))
    origin = RecordOrigin("smartregion.grants", 3, 40)
    letter = refused(REFUSED, origin=origin, key=None, value=b"", headers=(), summary=summary)
    named = RecordOrigin("smartregion.grants", 3, 45)
    erased = origin._replace(offset=50)

    def found(**what: Any) -> list[bool]:
        traces = find_letters(arrived([letter]), PERSONS, **{"erased": (), **what})
        return [trace.names for trace in traces]

    assert found() == []
    assert found(erased=[erased]) == [False]
    assert found(mentions=[named]) == [True]
    assert found(erased=[erased._replace(offset=51)], mentions=[named._replace(offset=39)]) == []


def test_letters_are_found_by_content_or_by_origin() -> None:
    theirs = RecordOrigin("smartregion.trainings", 3, 42)
    letters = [
        refused(REFUSED, origin=origin, key=None, value=value, now=NOW)
        for origin, value in (
            (RecordOrigin("smartregion.trainings", 0, 1), b'{"id": "%s"}' % SOMEBODY),
            (theirs, b'{"x": "%s"' % SOMEBODY),
            (RecordOrigin("smartregion.trainings", 0, 2), b'{"x": 1}'),
        )
    ]

    assert list(map(str, find_letters(arrived(letters), PERSONS, erased=[theirs]))) == [
        "0/0 names one, kept until 2021-04-07",
        "0/1 is of a record of one, kept until 2021-04-07",
    ]
