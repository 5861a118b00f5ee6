"""The fold of the event topics: the states of workers, and what an audit counts of a past day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.recount import audit_records
from broker.reading import Extent
from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.fact import Family
from events.partitioning import partition_for
from events.topics import DEFAULT_PARTITIONS, topic_name
from streams import merging
from streams import topic_fold as subject
from streams.dead_letters import FORWARDED_FROM
from streams.decisions import Decisions, Skip
from streams.histories import histories_of
from streams.settings import Settings
from streams.state import EntityState
from streams.state_store import StateStore
from tests.support.audits import raw, raw_record
from tests.support.histories import histories, uai
from tests.support.knowledge import states_held_on
from tests.support.ledgers import numbered

AS_OF = date(2020, 12, 31)
PARIS = uai("0750001")
#: Before, between and after the moments at which events of the pool are recorded.
KNOWN_ON = [date(2019, 5, 31), date(2019, 6, 1), date(2019, 6, 2)]

shipped = cache(load_catalogue)


def held(records: Iterable[RawRecord], family: Family = Family.SCHOOLS) -> dict[str, EntityState]:
    state_store = StateStore([])
    subject.merge_events(state_store, records)
    found: dict[str, EntityState] = {}
    for partition in range(DEFAULT_PARTITIONS):
        states = state_store.states(family, partition)
        assert all(partition_for(one.encode(), DEFAULT_PARTITIONS) == partition for one in states)
        found |= states
    return found


def copy_of(record: RawRecord) -> RawRecord:
    assert record.key is not None
    origin = f"{record.topic}/{record.partition}/{record.offset}".encode()
    return record._replace(
        partition=partition_for(record.key, DEFAULT_PARTITIONS),
        offset=record.offset + 1_000,
        headers=(*record.headers, (FORWARDED_FROM, origin)),
    )


@settings(max_examples=30)
@given(st.data())
def test_a_misrouted_record_counts_once_with_or_without_its_copy(data: st.DataObject) -> None:
    """Whatever the order in which the partitions are read: as if each were on its own."""
    family = data.draw(st.sampled_from(Family))
    history = data.draw(histories(family))
    records = numbered(
        raw_record(one, partition=data.draw(st.sampled_from([None, 0, 1]))) for one in history
    )
    copies = [copy_of(one) for one in records if data.draw(st.booleans())]
    shuffled = data.draw(st.permutations([*records, *copies]))
    in_order = sorted(shuffled, key=lambda one: one.offset)

    assert held(in_order, family) == held(map(raw_record, history), family)


def test_a_record_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [raw("school.registered", PARIS, f"2016-01-0{number}") for number in range(1, 4)]
    merge = merging.merge_records

    def failing(some: Iterable[RawRecord], *args: object, **options: object) -> object:
        some = list(some)
        if records[1] in some:
            raise ZeroDivisionError
        return merge(some, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(merging, "merge_records", failing)
    assert [*held(records)[PARIS]["school.registered"]] == ["2016-01-01", "2016-01-03"]


class TestKnownOn:
    @settings(max_examples=30)
    @given(
        st.lists(st.sampled_from(Family).flatmap(histories), max_size=3), st.sampled_from(KNOWN_ON)
    )
    def test_readings_are_the_audit_s(self, events: list[list[CloudEvent]], known_on: date) -> None:
        records = [raw_record(one) for history in events for one in history]
        found = histories_of(states_held_on(records, shipped(), known_on), shipped())
        counted = audit_records(records, shipped(), AS_OF, known_on).readings
        exact = {key for key in found if shipped().indicator(key[0]).publication is None}
        assert {key: found[key].reading(AS_OF) for key in exact} == {
            key: reading for key, reading in counted.items() if key in exact
        }


def test_skipped_records_are_left_out_and_missing_ones_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody can tell from the figures that records were deleted before they were read."""
    topic = topic_name(Family.SCHOOLS)
    first, second = numbered(
        [
            raw("school.registered", PARIS, "2016-01-01"),
            raw("school.registered", PARIS, "2016-01-02"),
        ]
    )

    def read_topics(
        _: str, *, topics: list[str], extent: Extent, **__: object
    ) -> Iterable[RawRecord]:
        if topics == [topic]:
            yield from (first, second)
            extent.starts = {f"{topic}[3]": 17}

    monkeypatch.setattr(subject, "read_topics", read_topics)
    skip = Skip(at=datetime(2026, 1, 1, tzinfo=UTC), because="it kills")
    decisions = Decisions({RecordOrigin(*second[:3]): skip})
    monkeypatch.setattr(subject, "read_decisions", lambda *_, **__: decisions)
    lines: list[str] = []
    folded = subject.fold_topics(Settings(), shipped(), report=lines.append)

    assert folded.entities()[Family.SCHOOLS] == 1
    assert [line.partition(":")[0] for line in lines] == [f"{topic}[3]"]
    registered = histories_of(folded, shipped())["schools_connected_ratio", None]
    assert registered.reading(AS_OF).denominator == 1
    assert registered.reading(AS_OF).last_reported == date(2016, 1, 1)
