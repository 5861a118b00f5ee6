"""The core: what one batch of records changes."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.cloudevent import CloudEvent, encode_structured
from events.errors import RefusalReason
from events.fact import Family
from events.partitioning import partition_for
from events.record_rules import RULES
from events.records import Record
from streams.merging import UNKNOWN_TYPE, Outcome, Result, changes_of, merge_records
from streams.state import (
    EMPTY,
    EntityState,
    cell_of,
)
from streams.state_store import StateStore
from tests.support.facts import encode_binary
from tests.support.histories import deliveries, event, histories, pool, state_of, uai
from tests.support.records import PARTITIONS, FakeRecord, record_of
from tests.support.states import merge_states

PARIS = uai("0750001")
HOME = partition_for(PARIS.encode(), PARTITIONS)
CONNECTED = "fr.iledefrance.smartregion.school.connected.v1"

ANYTHING: Sequence[object] = (
    *(None, True, -1, 0, 1.5, 1e308, float("nan"), 10**30),
    *("", "\x00", "\ud800", "é" * 300, "2018-02-30", [], {}, [[{}]]),
)


def run(
    *records: FakeRecord,
    states: dict[str, EntityState] | None = None,
    family: Family = Family.SCHOOLS,
    partition: int = HOME,
) -> Result:
    return merge_records(
        records, states or {}, family=family, partition=partition, partitions=PARTITIONS
    )


def connected(day: str = "2018-03-01", **parts: object) -> FakeRecord:
    return record_of(event("school.connected", PARIS, day, **parts))  # type: ignore[arg-type]


class TestOutcomes:
    def test_a_new_fact_is_accepted(self) -> None:
        reported = event("school.connected", PARIS, "2018-03-01")

        result = run(record_of(reported))

        assert result.changed == {PARIS: {"school.connected": {"2018-03-01": cell_of(reported)}}}
        assert result.tally == {(CONNECTED, Outcome.ACCEPTED): 1}

    def test_a_record_read_again_is_a_duplicate(self) -> None:
        reported = connected()
        known = run(reported).changed

        result = run(reported, states=known)

        assert result.changed == {}
        assert result.tally == {(CONNECTED, Outcome.DUPLICATE): 1}

    def test_a_record_older_than_what_is_known_is_superseded(self) -> None:
        correction = connected(at="2018-03-02T00:00:00", downlink_mbps=200)
        known = run(correction).changed

        result = run(connected(at="2018-03-01T00:00:00"), states=known)

        assert result.changed == {}
        assert result.tally == {(CONNECTED, Outcome.SUPERSEDED): 1}

    def test_a_record_that_breaks_its_contract_is_refused(self) -> None:
        record = FakeRecord("smartregion.schools", HOME, 7, b"key", b"{", [("h", b"v")])

        result = run(record)

        [refusal] = result.refusals
        assert refusal.record is record
        assert refusal.error.reason is RefusalReason.NOT_A_CLOUDEVENT
        assert result.tally == {(UNKNOWN_TYPE, Outcome.REFUSED): 1}

    def test_a_record_on_another_family_s_topic_is_refused(self) -> None:
        result = run(record_of(event("coworking.opened", "one", "2018-03-01")))

        assert [one.error.reason for one in result.refusals] == [RefusalReason.WRONG_TOPIC]

    def test_the_latest_time_of_a_source_and_type_is_the_greatest(self) -> None:
        """Of all its valid records, in any order: also of superseded ones and duplicates."""
        times = ("2018-03-02T00:00:00", "2018-03-05T00:00:00", "2018-03-04T00:00:00")
        records = [connected(at=time, source="/lycees") for time in times]
        other = event("school.closed", PARIS, "2018-03-01", source="/other", at=times[0])
        latest = {
            ("/lycees", CONNECTED): datetime(2018, 3, 5, tzinfo=UTC),
            ("/other", other.type): datetime(2018, 3, 2, tzinfo=UTC),
        }

        first = run(*records, record_of(other))
        again = run(*records, record_of(other), states=first.changed)

        assert first.latest == again.latest == latest
        assert not again.changed

    def test_an_event_of_the_future_is_refused_and_beats_no_correction(self) -> None:
        """The bound is the broker's time of the record, whenever it is read."""
        written = {"timestamp": 1_530_000_000_000}  # 2018-06-26
        ahead = replace(connected(at="2999-01-01T00:00:00"), **written)  # type: ignore[arg-type]
        later = replace(connected(at="2018-06-02T00:00:00"), **written)  # type: ignore[arg-type]

        result = run(ahead, later)

        assert [one.error.reason for one in result.refusals] == [RefusalReason.TIME_AHEAD]
        assert result.tally == {
            (CONNECTED, Outcome.ACCEPTED): 1,
            (UNKNOWN_TYPE, Outcome.REFUSED): 1,
        }
        assert result.changed == run(later).changed

    def test_an_event_of_the_future_is_not_forwarded(self) -> None:
        """A copy would have a later timestamp than what was sent."""
        record = connected(at="2999-01-01T00:00:00")
        elsewhere = replace(record, partition=(HOME + 1) % PARTITIONS, timestamp=1_530_000_000_000)

        result = run(elsewhere, partition=elsewhere.partition)

        assert (len(result.refusals), result.forwards) == (1, [])

    def test_in_a_store_a_partition_has_the_records_of_its_family_alone(self) -> None:
        records = [connected(), record_of(event("coworking.opened", "one", "2018-03-01"))]
        store = StateStore([])

        result, changes = changes_of(
            store, (Family.SCHOOLS, HOME), records, partitions=PARTITIONS, rules=RULES
        )

        assert [one.error.reason for one in result.refusals] == [RefusalReason.WRONG_TOPIC]
        assert list(changes) == [PARIS]
        assert store.states(Family.SCHOOLS, HOME) == {}


class TestMisrouted:
    AWAY = (HOME + 1) % PARTITIONS

    def test_a_record_of_an_unknown_entity_is_forwarded_home(self) -> None:
        """An entity must live on one partition, or it would count twice."""
        record = record_of(event("school.connected", PARIS, "2018-03-01"), partition=self.AWAY)

        result = run(record, partition=self.AWAY)

        assert result.changed == {}
        assert [(one.entity, one.partition) for one in result.forwards] == [(PARIS, HOME)]
        assert result.forwards[0].record is record
        assert result.tally == {(CONNECTED, Outcome.MISROUTED): 1}

    @given(st.integers(0, PARTITIONS - 1), st.booleans())
    def test_happens_only_elsewhere_and_if_unknown(self, partition: int, known: bool) -> None:  # noqa: FBT001
        record = record_of(event("school.connected", PARIS, "2018-03-01"), partition=partition)

        result = run(record, states={PARIS: EMPTY} if known else {}, partition=partition)

        assert bool(result.forwards) is (partition != HOME and not known)


class TestProperties:
    @given(st.data(), st.sampled_from(Family))
    def test_any_order_and_batches_come_to_the_same_states(
        self, data: st.DataObject, family: Family
    ) -> None:
        history = data.draw(histories(family))

        arrived = all_of(family, data.draw(deliveries(history)))

        assert arrived == merged(history)

    @given(st.sampled_from(Family).flatmap(histories), st.integers(0, PARTITIONS - 1))
    def test_the_tally_adds_up_to_the_batch(
        self, history: list[CloudEvent], partition: int
    ) -> None:
        result = run(*map(record_of, history), partition=partition)

        outcomes = Counter[Outcome]()
        for (_, outcome), number in result.tally.items():
            outcomes[outcome] += number
        assert outcomes.total() == len(history)
        assert outcomes[Outcome.REFUSED] == len(result.refusals)
        assert outcomes[Outcome.MISROUTED] == len(result.forwards)
        assert bool(outcomes[Outcome.ACCEPTED]) is bool(result.changed)

    @given(histories(Family.COWORKING), histories(Family.COWORKING))
    def test_the_states_given_are_never_changed(
        self, known: list[CloudEvent], history: list[CloudEvent]
    ) -> None:
        states = merged(known)
        before = deepcopy(states)

        for partition in range(PARTITIONS):
            run(
                *map(record_of, history),
                states=states,
                family=Family.COWORKING,
                partition=partition,
            )

        assert states == before

    @given(histories(Family.COWORKING), histories(Family.COWORKING))
    def test_facts_without_a_new_cell_are_kept_themselves(
        self, known: list[CloudEvent], history: list[CloudEvent]
    ) -> None:
        """They are the same objects, by which the fold skips them."""
        states = merged(known)
        records = [record_of(reported, partitions=1) for reported in history]

        changed = merge_records(
            records, states, family=Family.COWORKING, partition=0, partitions=1
        ).changed

        for entity, state in changed.items():
            before = states.get(entity, EMPTY)
            new = {one.fact.NAME for one in history if one.fact.entity_id == entity}
            assert all(state[fact] is before[fact] for fact in before if fact not in new)


def broken(chance: random.Random, family: Family) -> FakeRecord:
    encode = chance.choice([encode_structured, encode_binary])
    record = record_of(chance.choice(pool(family)), encode=encode)
    value = bytearray(record.value or b"")
    if chance.random() < 0.5:
        for _ in range(chance.randint(1, 4)):
            value[chance.randrange(len(value))] = chance.randrange(256)
        return replace(record, value=bytes(value))
    tree = json.loads(value)
    branch = chance.choice([tree, tree.get("data", tree)])
    branch[chance.choice([*branch, "new", ""])] = chance.choice(ANYTHING)
    return replace(record, value=json.dumps(tree).encode())


@pytest.mark.parametrize("family", Family)
@settings(max_examples=500)
@given(seed=st.integers(0, 2**32))
def test_a_broken_record_never_breaks_the_batch(seed: int, family: Family) -> None:
    record = broken(random.Random(seed), family)

    result = merge_records([record], {}, family=family, partition=0, partitions=1)

    assert len(result.changed) + len(result.refusals) == 1
    assert all(refusal.record is cast("Record", record) for refusal in result.refusals)
    assert all(str(refusal.error) for refusal in result.refusals)


def merged(history: list[CloudEvent]) -> dict[str, EntityState]:
    states: dict[str, EntityState] = {}
    for reported in history:
        entity = reported.fact.entity_id
        states[entity] = merge_states(states.get(entity, EMPTY), state_of(reported))
    return states


def all_of(family: Family, batches: list[list[CloudEvent]]) -> dict[str, EntityState]:
    states: dict[str, EntityState] = {}
    for batch in batches:
        records = [record_of(reported, partitions=1) for reported in batch]
        states |= merge_records(records, states, family=family, partition=0, partitions=1).changed
    return states
