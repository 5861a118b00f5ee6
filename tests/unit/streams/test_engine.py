"""The engine: one batch, in the order that loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import date
from itertools import count
from typing import Any, NamedTuple, cast

import pytest
from faust.types import TP, Message

from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.dead_letters import DeadLetter, read_dead_letter
from events.fact import Family
from events.last_record import LastRecord
from events.partitioning import partition_for
from events.records import Record
from events.topics import DEAD_LETTERS, topic_name
from streams import engine, merging
from streams.assigned_partition import Batch
from streams.batch_transport import ProduceFailedError
from streams.clock import FixedClock
from streams.engine import MERGE_STEP, Engine
from streams.fold import Fold
from streams.state import EntityState
from streams.state_store import Position
from tests.support.async_tests import played
from tests.support.fake_group import GENERATION, FakeConsumer, FakeProducer
from tests.support.histories import event, state_of, uai
from tests.support.letters import arrived
from tests.support.records import PARTITIONS, FakeRecord, record_of, refused_record


def batch_message(batch: Batch, *, family: Family, partition: int) -> Message:
    topic = topic_name(family)
    return cast("Message", _Message(topic, partition, batch, TP(topic, partition), GENERATION))


class _Message(NamedTuple):
    topic: str
    partition: int
    value: Batch
    tp: TP
    generation_id: int
    offset: int = 0


CATALOGUE = load_catalogue()
PARIS = uai("0750001")
HOME = partition_for(PARIS.encode(), PARTITIONS)
SCHOOLS = Family.SCHOOLS
BROKEN = ProduceFailedError(DEAD_LETTERS, None, cause=OSError("gone"))


def connected(day: str = "2018-03-01") -> CloudEvent:
    return event("school.connected", PARIS, day)


def of_march(days: int) -> list[FakeRecord]:
    return [record_of(connected(f"2018-03-{day:02}")) for day in range(1, days + 1)]


def refused(value: bytes = b"{}") -> FakeRecord:
    return refused_record(SCHOOLS, HOME, value=value)


class Bench:
    def __init__(self) -> None:
        clock = FixedClock(date(2020, 12, 31))
        self.engine = Engine(CATALOGUE, clock, partitions=PARTITIONS)
        self.consumer = FakeConsumer()
        self.producer = FakeProducer()

    @property
    def known(self) -> dict[str, EntityState]:
        return dict(self.engine.state_store.states(SCHOOLS, HOME))

    def position(self) -> Position | None:
        return self.engine.state_store.position(SCHOOLS, HOME)

    def batch(self, *records: Record, is_new: bool = True) -> Message:
        """Return a batch of lycées' records, which follows what is merged."""
        position = self.position()
        if position is None:
            position = Position(records[0].offset, None, 0)
            self.engine.state_store.move(SCHOOLS, HOME, position)
        batch = Batch(records, position.next, is_new, is_new)
        return batch_message(batch, family=SCHOOLS, partition=HOME)

    async def take(self, message: Message) -> None:
        await self.engine.process_batch(SCHOOLS, message, self.consumer.real, self.producer.real)

    async def drop_while_it_writes(self, message: Message) -> None:
        self.producer.acknowledges.clear()
        taking = asyncio.create_task(self.take(message))
        await self.producer.asked.wait()
        self.engine.state_store.drop(SCHOOLS, HOME)
        start = cast("Batch", message.value).start
        self.engine.state_store.move(SCHOOLS, HOME, Position(start, None, start))
        self.producer.acknowledges.set()
        await taking

    def take_all(self, *records: Record, **how: Any) -> Message:
        message = self.batch(*records, **how)
        asyncio.run(self.take(message))
        return message

    def suspects(self, records: Sequence[Record], *, ends: int) -> None:
        self.consumer.ends[records[0].offset] = ends

    def begun(self) -> list[int]:
        return [offset for _, offset in self.consumer.begun]

    def connections(self) -> list[str]:
        return list(self.known[PARIS]["school.connected"])

    def letters(self) -> list[DeadLetter]:
        return [read_dead_letter(one) for one in arrived(self.producer.records)]


class Poison(list[Record]):
    def __init__(self) -> None:
        super().__init__()
        self.merges: list[int] = []


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    """Return the records that make a merge fail, with whatever they are taken: none yet."""
    found = Poison()
    process = merging.merge_records

    def failing(records: Sequence[Record], *args: Any, **kwargs: Any) -> merging.Result:
        found.merges.append(len(records))
        if any(record in found for record in records):
            raise ZeroDivisionError
        return process(records, *args, **kwargs)

    monkeypatch.setattr(merging, "merge_records", failing)
    return found


class TestTake:
    def test_a_burst_of_dead_letters_is_one_line(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """How many, and of the first of them where and why; never what was refused."""
        with caplog.at_level(logging.WARNING):
            message = bench.take_all(*[refused() for _ in range(20)])

        [line] = caplog.messages
        first = cast("Batch", message.value).records[0].offset
        assert line == (
            f"dead letters topic=smartregion.schools partition={HOME} count=20"
            f" first_offset={first} first_reason=not_a_cloudevent"
        )
        assert {letter.time.date() for letter in bench.letters()} == {date(2020, 12, 31)}

    def test_a_large_share_of_dead_letters_is_logged_once_and_stops_nothing(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        many = [[refused() for _ in range(30)] for _ in range(3)]
        for few in many:
            bench.take_all(*few)
        message = bench.take_all(record_of(connected()))

        [line] = [line for line in caplog.messages if line.startswith("dead letter share")]
        first = many[0][0].offset
        assert line == (
            "dead letter share family=schools above=0.20 of_last=100"
            " first_reason=not_a_cloudevent first_field=content-type"
            f" first=smartregion.schools/{HOME}/{first}: see docs/runbooks/DeadLetterShareHigh.md"
        )
        assert bench.consumer.finished[-1] == message
        assert bench.engine.meters.dead_letter_rates["schools"].share == 0.9


class TestIsolation:
    def test_a_record_that_cannot_be_merged_is_refused(self, bench: Bench, poison: Poison) -> None:
        records = of_march(3)
        poison.append(records[0])

        message = bench.take_all(*records)

        assert bench.connections() == ["2018-03-02", "2018-03-03"]
        assert bench.consumer.finished == [message]
        [letter] = bench.letters()
        assert (letter.reason, letter.value) == ("unprocessable", records[0].value)
        assert letter.origin.offset == records[0].offset
        assert sum(bench.engine.meters.events.values()) == 3
        assert bench.engine.meters.dead_letters == {"unprocessable": 1}

    def test_a_state_that_cannot_be_folded_is_never_kept(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        difference = Fold.difference

        def failing(self: Fold, *args: Any) -> Any:  # noqa: ANN401
            if "2019-09-09" in args[-1].get("school.connected", {}):
                raise OverflowError
            return difference(self, *args)

        monkeypatch.setattr(Fold, "difference", failing)

        reported = connected("2018-03-01")
        bench.take_all(record_of(reported), record_of(connected("2019-09-09")))

        assert bench.known == {PARIS: state_of(reported)}
        assert [letter.reason for letter in bench.letters()] == ["unprocessable"]


class TestEnds:
    def test_rebalances_do_not_put_an_attempt_off_for_ever(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A report that a rebalance has cut short lasts for the rest of its time."""
        monkeypatch.setattr("streams.engine.HOLD_LOOK_SECONDS", 0.001)
        bench.engine.hold_seconds = 0.005
        record = record_of(connected())
        bench.suspects([record], ends=3)
        looks = iter([False, False, False, True, True, False, False, False])
        bench.consumer.awaited = lambda: next(looks)

        first = bench.take_all(record)
        bench.consumer.stopped.clear()  # The rebalance is over.
        bench.take_all(record)

        assert bench.consumer.released == [first]
        assert bench.begun() == [record.offset]
        assert [*looks] == []

    def test_each_record_processed_singly_is_progress(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A batch may take longer so than the time without progress that ends a worker."""
        records = of_march(3)
        bench.suspects(records, ends=2)
        times = count()
        monkeypatch.setattr(engine, "monotonic", lambda: next(times))

        bench.take_all(*records)

        assert bench.engine.progressed_at == len(records)

    def test_what_follows_a_batch_that_ended_early_is_not_processed(self, bench: Bench) -> None:
        """Its offset, committed, would pass over what is left of that batch.

        One record at least is processed between two rebalances, however many come.
        """
        records = of_march(3)
        bench.suspects(records, ends=2)
        bench.consumer.awaited = lambda: True

        first, second = bench.take_all(*records), bench.take_all(record_of(connected("2018-04-01")))

        assert bench.consumer.stopped == {first.tp}
        assert (bench.consumer.finished, bench.consumer.released) == ([first], [second])
        assert bench.connections() == ["2018-03-01"]


class TestOrder:
    def test_a_worker_that_the_broker_ends_was_ended_by_no_record(self, bench: Bench) -> None:
        """Three such ends in a row would hold the records up that were in process, as poison."""
        bench.producer.failure = BROKEN

        with pytest.raises(ProduceFailedError):
            bench.take_all(refused())

        assert bench.consumer.taken_back == 1

    @pytest.mark.parametrize("singly", [False, True])
    def test_a_batch_whose_partition_was_dropped_while_it_wrote_is_not_applied(
        self, bench: Bench, *, singly: bool
    ) -> None:
        """The partition is read again from its start, even if that is where the batch begins."""
        records = (refused(), record_of(connected()))
        if singly:
            bench.suspects(records, ends=2)
        message = bench.batch(*records)

        asyncio.run(bench.drop_while_it_writes(message))

        start = records[0].offset
        assert bench.known == {}
        assert bench.position() == Position(start, None, start)
        assert (bench.consumer.finished, bench.consumer.released) == ([], [message])
        assert bench.engine.meters.events == {}

    def test_a_batch_that_does_not_follow_the_states_is_left_alone(self, bench: Bench) -> None:
        message = bench.batch(refused())
        bench.engine.state_store.drop(SCHOOLS, HOME)

        asyncio.run(bench.take(message))

        assert (bench.producer.records, bench.consumer.begun) == ([], [])
        assert (bench.consumer.finished, bench.consumer.released) == ([], [message])


class TestProcessedRecords:
    def test_they_change_states_and_nothing_is_written_or_counted(self, bench: Bench) -> None:
        reported = connected()
        records = (record_of(reported), refused())

        message = bench.take_all(*records, is_new=False)

        assert bench.known == {PARIS: state_of(reported)}
        assert bench.producer.records == []
        assert bench.consumer.finished == [message]
        meters = bench.engine.meters
        assert (meters.events, meters.dead_letters) == ({}, {})
        assert meters.dead_letter_rates == {}
        assert bench.engine.recovered_records == 2
        assert bench.position() == Position(records[-1].offset + 1, LastRecord.of(records[-1]), 0)

    def test_one_that_fails_is_refused_again_in_silence(self, bench: Bench, poison: Poison) -> None:
        records = of_march(3)
        poison.append(records[1])

        bench.take_all(*records, is_new=False)

        assert bench.connections() == ["2018-03-01", "2018-03-03"]
        assert bench.producer.records == []
        assert bench.engine.meters.dead_letters == {}

    @played
    async def test_a_replay_yields_after_each_step(self, bench: Bench) -> None:
        """Heartbeats and scrapes run in between: a batch that writes nothing awaits nothing."""
        record = record_of(connected())
        records = [record_of(connected()) for _ in range(2 * MERGE_STEP)]
        message = bench.batch(record, *records, is_new=False)
        seen: list[int] = []

        taking = asyncio.create_task(bench.take(message))
        while not taking.done():
            position = bench.position()
            assert position is not None
            seen.append(position.next - record.offset)
            await asyncio.sleep(0)
        await taking

        assert sorted(set(seen)) == [0, MERGE_STEP, 2 * MERGE_STEP, 2 * MERGE_STEP + 1]

    def test_a_step_that_fails_does_not_repeat_those_before_it(
        self, bench: Bench, poison: Poison
    ) -> None:
        records = [record_of(connected()) for _ in range(MERGE_STEP + 2)]
        poison.append(records[-1])

        message = bench.take_all(*records, is_new=False)

        assert poison.merges == [MERGE_STEP, 2, 1, 1]
        assert bench.consumer.finished == [message]
        assert bench.engine.recovered_records == len(records)


def test_a_fold_that_differs_is_counted_and_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.take_all(record_of(connected()))
    next(iter(bench.engine.state_store.fold.series(HOME).values())).add({1: 1})

    assert asyncio.run(bench.engine.check_fold()) == 1
    assert bench.engine.meters.mismatches == 1
    assert caplog.messages == ["the fold differs from its states series=1"]
