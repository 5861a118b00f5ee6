"""The records about persons, and the events that retract their facts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from broker.stored_record import RawRecord
from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.producers.ownership import ERASURE
from operations.erasure.persons import Persons, find_traces, retractions
from streams.state import attributes_by_day
from tests.support.audits import raw
from tests.support.histories import state_of

SOMEBODY = "k1-0123456789abcdef0123456789abcdef"
NOW = datetime(2021, 1, 1, tzinfo=UTC)
LATER = datetime(2018, 1, 1, tzinfo=UTC)


def a_life() -> list[RawRecord]:
    return [
        raw("training.enrolled", SOMEBODY, "2018-01-01", at="2018-01-02T00:00:00Z"),
        raw("training.enrolled", SOMEBODY, "2018-01-01", at="2018-01-05T00:00:00Z"),
        raw("training.completed", SOMEBODY, "2018-06-01", at="2018-06-01T12:00:00Z"),
        raw("training.enrolled", "k1-somebody-else-altogether", "2018-01-01"),
    ]


def test_all_records_of_a_person_are_found() -> None:
    traces = find_traces(a_life(), Persons([SOMEBODY]))
    assert traces.records == 3
    assert traces.persons == {SOMEBODY}
    assert len(traces.partitions) == 1


@pytest.mark.parametrize("now", [NOW, LATER])
def test_each_fact_and_day_is_retracted_once(now: datetime) -> None:
    traces = find_traces(a_life(), Persons([SOMEBODY]))
    back = retractions(traces, now=now)
    assert {event.source for event in back} == {ERASURE}
    assert len(back) == 2
    latest: list[CloudEvent] = list(traces.latest.values())
    state = state_of(*latest, *back)
    assert attributes_by_day(state, "training.enrolled") == []
    assert attributes_by_day(state, "training.completed") == []


def test_a_retracted_fact_is_not_retracted_again() -> None:
    traces = find_traces(
        [
            *a_life(),
            raw(
                "training.enrolled",
                SOMEBODY,
                "2018-01-01",
                at="2019-01-01T00:00:00Z",
                retracted=True,
            ),
        ],
        Persons([SOMEBODY]),
    )
    assert [event.fact.NAME for event in retractions(traces, now=NOW)] == ["training.completed"]


def test_what_is_passed_over_is_neither_read_nor_kept() -> None:
    """A copy would end each worker again, or count, at an offset that no decision names."""
    *_, another = a_life()
    theirs = raw("training.enrolled", SOMEBODY, "2018-02-01")
    skipped = {RecordOrigin(*one[:3]) for one in (another, theirs)}
    persons = Persons([SOMEBODY], skipped=skipped)

    traces = find_traces([another, theirs], persons)

    assert (persons.is_lost(another), persons.concerned_by(another)) == (True, False)
    assert (traces.records, traces.latest) == (1, {})
    assert traces.not_copied[another.partition] == 1
