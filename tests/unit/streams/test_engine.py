"""The engine: one batch, in the order that loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest
from faust.types import Message

from catalogue.loader import load_catalogue
from events import cloudevent
from events.cloudevent import CloudEvent
from events.dead_letters import DeadLetter, RecordOrigin, read_dead_letter
from events.fact import Family
from events.partitioning import partition_for
from events.records import Record
from events.topics import DEAD_LETTERS
from streams import core, engine, reading, state_store
from streams.batch_transport import PartitionFencedError, ProduceFailedError
from streams.changelog_tally import ChangelogShrunkError
from streams.clock import FixedClock
from streams.core import Outcome
from streams.engine import Engine
from streams.fold import Fold
from streams.skipped_records import Decision
from streams.state import EntityState, decode_state, encode_state
from tests.support.fake_group import FakeConsumer, FakeProducer, batch_message
from tests.support.histories import event, state_of, uai
from tests.support.letters import arrived
from tests.support.records import PARTITIONS, FakeRecord, record_of

CATALOGUE = load_catalogue()
PARIS = uai("0750001")
HOME = partition_for(PARIS.encode(), PARTITIONS)
AWAY = (HOME + 1) % PARTITIONS
SCHOOLS = Family.SCHOOLS
CHANGELOG = "monitor-schools-changelog"
REFUSED = FakeRecord("smartregion.schools", HOME, 42, b"key", b"{}")
BROKEN = ProduceFailedError(CHANGELOG, HOME, cause=OSError("gone"))


def connected(day: str = "2018-03-01") -> CloudEvent:
    """Return a lycée's connection."""
    return event("school.connected", PARIS, day)


class Bench:
    """An engine between a consumer and a producer that a test controls."""

    def __init__(self, **options: Any) -> None:
        self.engine = Engine(
            CATALOGUE,
            FixedClock(date(2020, 12, 31)),
            app_id="monitor",
            partitions=PARTITIONS,
            **options,
        )
        self.consumer = FakeConsumer()
        self.producer = FakeProducer()

    @property
    def known(self) -> dict[str, EntityState]:
        """Return the states of the home partition's lycées."""
        return dict(self.engine.state_store.states(SCHOOLS, HOME))

    def batch(self, *records: Record, partition: int = HOME) -> Message:
        """Return a batch of lycées' records."""
        return batch_message(records, family=SCHOOLS, partition=partition)

    async def take(self, message: Message) -> None:
        """Let the engine take a batch."""
        await self.engine.process_batch(SCHOOLS, message, self.consumer.real, self.producer.real)

    def take_all(self, *records: Record, partition: int = HOME) -> Message:
        """Let the engine take records as one batch, to the end."""
        message = self.batch(*records, partition=partition)
        asyncio.run(self.take(message))
        return message

    async def rewrite(self) -> int:
        """Let the engine write repaired entities again."""
        return await self.engine.rewrite_repaired(self.consumer.real, self.producer.real)

    def hide(self, *history: CloudEvent) -> EntityState:
        """Let the changelog end with less than is known of a lycée; returns what is known."""
        for state in (state_of(*history), state_of(*history[:-1])):
            self.engine.state_store.recover(SCHOOLS, HOME, PARIS, state)
        return state_of(*history)


@pytest.fixture
def bench() -> Bench:
    """Return a fresh engine in its surroundings."""
    return Bench()


class TestTake:
    """What a batch leads to."""

    def test_changed_entities_are_written_once_each(self, bench: Bench) -> None:
        """To the family's changelog, on the partition of the batch, in full."""
        reported = [connected("2018-03-01"), connected("2018-04-01")]

        bench.take_all(*map(record_of, reported))

        [written] = bench.producer.states
        assert (written.topic, written.partition) == (CHANGELOG, HOME)
        assert [(key, decode_state(value)) for key, value in written.records] == [
            (PARIS.encode(), state_of(*reported))
        ]

    def test_changed_entities_are_known(self, bench: Bench) -> None:
        """And their figures with them."""
        reported = connected()

        bench.take_all(record_of(reported))

        assert bench.known == {PARIS: state_of(reported)}
        assert bench.engine.state_store.fold.series(HOME) != {}

    def test_the_batch_is_done(self, bench: Bench) -> None:
        """Its offset may be committed."""
        message = bench.take_all(record_of(connected()))

        assert bench.consumer.finished == [message]

    def test_a_batch_of_duplicates_writes_nothing(self, bench: Bench) -> None:
        """It is done all the same."""
        record = record_of(connected())

        bench.take_all(record)
        bench.take_all(record)

        assert len(bench.producer.states) == 1
        assert len(bench.consumer.finished) == 2

    def test_a_refused_record_becomes_a_dead_letter(self, bench: Bench) -> None:
        """With the monitor's own time."""
        bench.take_all(REFUSED)

        [sent] = bench.producer.records
        letter = read_dead_letter(FakeRecord(sent.topic, 0, 0, sent.key, sent.value, sent.headers))
        assert sent.topic == DEAD_LETTERS
        assert (letter.value, letter.origin.offset) == (REFUSED.value, REFUSED.offset)
        assert letter.time.date() == date(2020, 12, 31)

    def test_a_flood_of_refusals_is_one_dead_letter_and_counts_in_full(self, bench: Bench) -> None:
        """In the metrics, and in the share; what was accepted among them has no dead letter."""
        flood = [replace(REFUSED, offset=offset) for offset in range(300)]

        bench.take_all(*flood[:150], record_of(connected()), *flood[200:])

        [letter] = [read_dead_letter(one) for one in arrived(bench.producer.records)]
        assert letter.summary is not None
        assert letter.summary.runs == ((0, 149), (200, 299))
        meters = bench.engine.meters
        assert meters.dead_letters == {"not_a_cloudevent": 250}
        assert meters.dead_letter_rates["schools"].share == 1.0
        assert len(bench.known) == 1

    def test_a_burst_of_dead_letters_is_one_line(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """How many, and of the first of them where and why; never what was refused."""
        with caplog.at_level(logging.WARNING):
            bench.take_all(*[REFUSED] * 20)

        [line] = caplog.messages
        assert line == (
            f"dead letters topic=smartregion.schools partition={HOME} count=20 first_offset=42"
            " first_reason=not_a_cloudevent"
        )

    def test_a_large_share_of_dead_letters_is_said_once_and_stops_nothing(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With the first cause and the runbook; the batches after it are taken as before."""
        for _ in range(3):
            bench.take_all(*[replace(REFUSED, offset=offset) for offset in range(30)])
        message = bench.take_all(record_of(connected()))

        [line] = [line for line in caplog.messages if line.startswith("dead letter share")]
        assert line == (
            "dead letter share family=schools above=0.20 of_last=100"
            " first_reason=not_a_cloudevent first_field=content-type"
            f" first=smartregion.schools/{HOME}/0: see docs/runbooks/DeadLetterShareHigh.md"
        )
        assert bench.consumer.finished[-1] == message
        assert bench.engine.meters.dead_letter_rates["schools"].share == 0.9

    def test_a_misrouted_record_is_forwarded(self, bench: Bench) -> None:
        """To its entity's partition; this partition has no state of it."""
        bench.take_all(record_of(connected(), partition=AWAY), partition=AWAY)

        [sent] = bench.producer.records
        assert (sent.topic, sent.partition) == ("smartregion.schools", HOME)
        assert dict(bench.engine.state_store.states(SCHOOLS, AWAY)) == {}

    def test_outcomes_are_counted(self, bench: Bench) -> None:
        """What came, and what became of it."""
        bench.take_all(record_of(connected()), REFUSED)

        meters = bench.engine.meters
        assert sorted(outcome for _, outcome in meters.events) == [
            Outcome.ACCEPTED,
            Outcome.REFUSED,
        ]
        assert meters.dead_letters.total() == 1

    def test_progress_is_noted(self, bench: Bench) -> None:
        """The watchdog detects a stalled worker by it."""
        before = bench.engine.progressed_at

        bench.take_all(record_of(connected()))

        assert bench.engine.progressed_at > before


class TestIsolation:
    """What fails for a record is that record's alone."""

    OTHER = uai("0750002")

    @pytest.fixture
    def poison(self, monkeypatch: pytest.MonkeyPatch) -> FakeRecord:
        """Return a record that makes the merge fail, with whatever it is taken."""
        record = record_of(event("school.connected", PARIS, "2019-09-09"), partition=HOME)
        process = core.process

        def failing(records: Sequence[Record], *args: Any, **kwargs: Any) -> core.Result:
            if record in records:
                raise ZeroDivisionError
            return process(records, *args, **kwargs)

        monkeypatch.setattr(engine, "process", failing)
        return record

    def letters(self, bench: Bench) -> list[DeadLetter]:
        """Return the dead letters written."""
        return [read_dead_letter(one) for one in arrived(bench.producer.records)]

    def test_a_record_that_cannot_be_merged_is_refused(
        self, bench: Bench, poison: FakeRecord
    ) -> None:
        """The others of its batch are merged, and the batch is done."""
        first, last = connected("2018-03-01"), connected("2018-04-01")

        message = bench.take_all(record_of(first), poison, record_of(last))

        assert bench.known == {PARIS: state_of(first, last)}
        assert bench.consumer.finished == [message]
        [letter] = self.letters(bench)
        assert (letter.reason, letter.value) == ("unprocessable", poison.value)
        assert letter.origin.offset == poison.offset
        assert sum(bench.engine.meters.events.values()) == 3
        assert bench.engine.meters.dead_letters == {"unprocessable": 1}

    def test_a_state_that_cannot_be_folded_is_never_written(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A recovery would fail on it at every start."""
        difference = Fold.difference

        def failing(self: Fold, *args: Any) -> Any:  # noqa: ANN401
            if "2019-09-09" in args[-1].get("school.connected", {}):
                raise OverflowError
            return difference(self, *args)

        monkeypatch.setattr(Fold, "difference", failing)

        reported = connected("2018-03-01")
        bench.take_all(record_of(reported), record_of(connected("2019-09-09")))

        assert bench.known == {PARIS: state_of(reported)}
        written = [value for one in bench.producer.states for _, value in one.records]
        assert not any(b"2019-09-09" in value for value in written)
        assert [letter.reason for letter in self.letters(bench)] == ["unprocessable"]

    def test_a_write_that_the_broker_refuses_for_its_content_is_a_record_s(
        self, bench: Bench
    ) -> None:
        """Its letter keeps what can be written of it, if only where it lies."""
        bench.producer.refuses = lambda value: value is not None and b"poison" in value
        poison = replace(REFUSED, value=b'{"id": "poison"}')

        bench.take_all(record_of(connected()), poison, REFUSED)

        first, second = self.letters(bench)
        assert (first.reason, first.value, first.origin.offset) == ("unprocessable", None, 42)
        assert (second.reason, second.value) == ("not_a_cloudevent", REFUSED.value)
        assert list(bench.known) == [PARIS]

    def test_a_partition_that_is_fenced_in_between_ends_it(
        self, bench: Bench, poison: FakeRecord
    ) -> None:
        """Another worker refuses the record, if it must be."""
        bench.consumer.problem = "the group has formed anew"

        with pytest.raises(PartitionFencedError):
            bench.take_all(poison)

        assert bench.producer.records == []

    def test_a_large_entity_is_reported_once(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """When it has half of what is kept; and from then on its size is checked."""
        days = [connected(f"2018-03-{day:02}") for day in range(1, 29)]
        half = len(encode_state(state_of(*days[:10])))
        for module in (engine, state_store):
            monkeypatch.setattr(module, "LARGE_STATE_BYTES", half - 1)
        monkeypatch.setattr(core, "ENTITY_MAX_BYTES", 2 * half)

        with caplog.at_level(logging.WARNING):
            for reported in days[:9]:
                bench.take_all(record_of(reported))
            assert caplog.messages == []
            bench.take_all(record_of(days[9]))
            bench.take_all(*map(record_of, days[10:]))

        large = [line for line in caplog.messages if line.startswith("entity half full")]
        assert len(large) == 1
        kept = state_of(*days[:20])
        assert bench.known == {PARIS: kept}
        assert len(encode_state(kept)) <= 2 * half < len(encode_state(state_of(*days[:21])))
        assert {letter.reason for letter in self.letters(bench)} == {"entity_full"}
        assert bench.engine.state_store.large() == {SCHOOLS: 1}


class TestEnds:
    """Records at which workers have ended."""

    def test_work_is_begun_once_a_partition(self, bench: Bench) -> None:
        """It is written down before anything can end the worker, and then no more."""
        first, second = record_of(connected("2018-03-01")), record_of(connected("2018-04-01"))

        bench.take_all(first)
        bench.take_all(second)

        assert [offset for _, offset in bench.consumer.begun] == [first.offset]

    def test_after_one_end_a_batch_is_processed_as_a_whole(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Most ends have other reasons, and thousands of records singly take minutes."""
        records = [record_of(connected(f"2018-03-{day:02}")) for day in range(1, 4)]
        bench.consumer.ends[records[0].offset] = 1

        bench.take_all(*records)

        assert [offset for _, offset in bench.consumer.begun] == [records[0].offset]
        assert len(bench.known[PARIS]["school.connected"]) == 3
        assert "working singly" not in caplog.text

    def test_after_two_ends_each_record_shows_whether_it_is_the_one(self, bench: Bench) -> None:
        """Work at each is written down by itself."""
        records = [record_of(connected(f"2018-03-{day:02}")) for day in range(1, 4)]
        bench.consumer.ends[records[0].offset] = 2

        bench.take_all(*records)

        assert [offset for _, offset in bench.consumer.begun] == [one.offset for one in records]
        assert len(bench.known[PARIS]["school.connected"]) == 3
        assert bench.engine.meters.ends == {}

    def test_three_ends_are_reported_before_the_next(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """By log and metric, until the record is done."""
        record = record_of(connected())
        bench.consumer.ends[record.offset] = 3
        bench.engine.hold_seconds = 0
        reported: list[dict[tuple[str, int], int]] = []

        def watched(_: bytes | None) -> bool:
            reported.append(dict(bench.engine.meters.ends))
            return False

        bench.producer.refuses = watched

        bench.take_all(record)

        assert reported[0] == {("smartregion.schools", HOME): 3}
        assert bench.engine.meters.ends == {}
        assert f"partition={HOME} offset={record.offset} ends=3" in caplog.text

    def test_a_rebalance_does_not_wait_for_the_report_of_three_ends(self, bench: Bench) -> None:
        """The group would stand still; nothing was tried, so the next report is of three, too."""
        records = [record_of(connected(f"2018-03-{day:02}")) for day in (1, 2)]
        bench.consumer.ends[records[0].offset] = 3
        bench.engine.hold_seconds = 3600
        bench.consumer.awaited = lambda: bool(bench.engine.meters.ends)

        messages = [bench.take_all(record) for record in records]

        assert bench.consumer.released == messages
        assert (bench.consumer.begun, bench.consumer.finished, bench.known) == ([], [], {})
        assert bench.engine.meters.ends == {}

    def test_rebalances_do_not_put_an_attempt_off_for_ever(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A report that a rebalance has cut short lasts for the rest of its time."""
        monkeypatch.setattr("streams.engine.HOLD_LOOK_SECONDS", 0.001)
        bench.engine.hold_seconds = 0.005
        record = record_of(connected())
        bench.consumer.ends[record.offset] = 3
        looks = iter([False, False, False, True, True, False, False, False])
        bench.consumer.awaited = lambda: next(looks)

        first = bench.take_all(record)
        bench.consumer.stopped.clear()  # The rebalance is over.
        bench.take_all(record)

        assert bench.consumer.released == [first]
        assert [offset for _, offset in bench.consumer.begun] == [record.offset]
        assert [*looks] == []

    def test_a_record_that_is_skipped_is_refused_unread(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its content is not decoded; its dead letter has its origin."""
        first, poison, last = (
            record_of(connected(day)) for day in ("2018-03-01", "2018-04-01", "2018-05-01")
        )
        origin = RecordOrigin(poison.topic, poison.partition, poison.offset)
        decision = Decision(at=datetime(2026, 1, 1, tzinfo=UTC), because="it kills")
        bench = Bench(skipped={origin: decision})
        seen: list[bytes | None] = []
        decode = cloudevent.decode

        def watched(headers: Any, value: bytes | None, **how: Any) -> CloudEvent:  # noqa: ANN401
            seen.append(value)
            return decode(headers, value, **how)

        monkeypatch.setattr(reading, "decode", watched)
        monkeypatch.setattr(reading, "read_usual", lambda *_: None)

        bench.take_all(first, poison, last)

        assert seen == [first.value, last.value]
        [letter] = [read_dead_letter(one) for one in arrived(bench.producer.records)]
        assert (letter.reason, letter.origin, letter.value) == ("passed_over", origin, b"")
        assert letter.shortened["value"] == len(poison.value or b"")
        assert sum(bench.engine.meters.events.values()) == 3

    def test_each_record_processed_singly_is_progress(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A batch may take longer so than the time without progress that ends a worker."""
        records = [record_of(connected(f"2018-03-{day:02}")) for day in range(1, 4)]
        bench.consumer.ends[records[0].offset] = 2
        times = count()
        monkeypatch.setattr(engine, "monotonic", lambda: next(times))

        bench.take_all(*records)

        assert bench.engine.progressed_at == len(records)

    def test_a_rebalance_does_not_wait_for_all_records_of_a_batch(self, bench: Bench) -> None:
        """What is processed is done; the rest is read again, by whoever has the partition then."""
        records = [record_of(connected(f"2018-03-{day:02}")) for day in range(1, 5)]
        bench.consumer.ends[records[0].offset] = 2
        bench.consumer.awaited = lambda: len(bench.producer.states) == 2

        message = bench.take_all(*records)

        assert bench.consumer.finished == [message]
        assert bench.consumer.stopped == {message.tp: records[2].offset}
        assert len(bench.known[PARIS]["school.connected"]) == 2
        assert bench.engine.meters.events.total() == 2

    def test_one_record_at_least_is_processed_between_two_rebalances(self, bench: Bench) -> None:
        """However many come, the batch gets on."""
        records = [record_of(connected(f"2018-03-{day:02}")) for day in range(1, 4)]
        bench.consumer.ends[records[0].offset] = 2
        bench.consumer.awaited = lambda: True

        message = bench.take_all(*records)

        assert bench.consumer.stopped == {message.tp: records[1].offset}

    def test_what_follows_a_batch_that_ended_early_is_not_processed(self, bench: Bench) -> None:
        """Its offset, committed, would pass over what is left of that batch."""
        records = [record_of(connected(f"2018-03-{day:02}")) for day in range(1, 4)]
        bench.consumer.ends[records[0].offset] = 2
        bench.consumer.awaited = lambda: True
        first = bench.take_all(*records)

        second = bench.take_all(record_of(connected("2018-04-01")))

        assert bench.consumer.finished == [first]
        assert bench.consumer.released == [second]
        assert len(bench.known[PARIS]["school.connected"]) == 1


class TestOrder:
    """Nothing is taken over, and no offset may be committed, before the broker has it all."""

    @pytest.mark.parametrize("others", [[], [REFUSED]])
    def test_nothing_is_known_or_done_before_the_writes_are_acknowledged(
        self, bench: Bench, others: Sequence[FakeRecord]
    ) -> None:
        """A worker that dies here reads the batch again, as if nothing had been."""

        async def interrupted() -> None:
            bench.producer.acknowledges.clear()
            taking = asyncio.create_task(bench.take(bench.batch(record_of(connected()), *others)))
            await bench.producer.asked.wait()
            assert bench.known == {}
            assert bench.consumer.finished == []
            assert not taking.done()
            bench.producer.acknowledges.set()
            await taking

        asyncio.run(interrupted())
        assert list(bench.known) == [PARIS]
        assert len(bench.consumer.finished) == 1

    def test_a_refused_batch_is_not_done_before_its_dead_letters_are_there(
        self, bench: Bench
    ) -> None:
        """A record is on its topic, uncommitted, or among the dead letters: never nowhere."""

        async def interrupted() -> None:
            bench.producer.acknowledges.clear()
            taking = asyncio.create_task(bench.take(bench.batch(REFUSED)))
            await bench.producer.asked.wait()
            assert bench.consumer.finished == []
            bench.producer.acknowledges.set()
            await taking

        asyncio.run(interrupted())
        assert len(bench.consumer.finished) == 1

    @pytest.mark.parametrize("record", [record_of(connected()), REFUSED])
    def test_a_failed_write_leaves_all_as_it_was(self, bench: Bench, record: FakeRecord) -> None:
        """Nothing is known, done or counted of a batch that the broker does not have."""
        bench.producer.failure = BROKEN

        with pytest.raises(ProduceFailedError):
            bench.take_all(record)

        assert bench.known == {}
        assert bench.consumer.finished == []
        assert bench.engine.meters.events == {}

    def test_a_worker_that_the_broker_ends_was_ended_by_no_record(self, bench: Bench) -> None:
        """Three such ends in a row would hold the records up that were in process, as poison."""
        bench.producer.failure = BROKEN

        with pytest.raises(ProduceFailedError):
            bench.take_all(record_of(connected()))

        assert bench.consumer.taken_back == 1

    def test_a_fenced_worker_writes_nothing_at_all(self, bench: Bench) -> None:
        """Another worker may own the partition: neither its states nor its letters are ours."""
        bench.consumer.problem = "the group has formed anew"

        with pytest.raises(PartitionFencedError, match="the group has formed anew"):
            bench.take_all(record_of(connected()), REFUSED)

        assert bench.consumer.taken_back == 0
        assert not bench.producer.asked.is_set()
        assert bench.known == {}
        assert bench.consumer.finished == []

    def test_a_changelog_that_was_created_again_ends_it(self, bench: Bench) -> None:
        """No record of the batch is the cause: none is refused, and the next start looks."""
        bench.take_all(record_of(connected("2018-03-01")), record_of(connected("2018-04-01")))
        finished = len(bench.consumer.finished)
        bench.producer.ends.clear()

        with pytest.raises(ChangelogShrunkError):
            bench.take_all(record_of(connected("2018-05-01")))

        assert bench.producer.records == []
        assert len(bench.consumer.finished) == finished

    def test_batches_of_a_family_take_turns(self, bench: Bench) -> None:
        """The second merges into what the first has left."""

        async def both() -> None:
            bench.producer.acknowledges.clear()
            taking = [
                asyncio.create_task(bench.take(bench.batch(record_of(connected(day)))))
                for day in ("2018-03-01", "2018-04-01")
            ]
            await bench.producer.asked.wait()
            bench.producer.acknowledges.set()
            await asyncio.gather(*taking)

        asyncio.run(both())
        last = bench.producer.states[-1].records[0][1]
        assert decode_state(last) == bench.known[PARIS]
        assert list(bench.known[PARIS]["school.connected"]) == ["2018-03-01", "2018-04-01"]


class TestRewriteRepaired:
    """Entities of which the changelog ends with less than is known."""

    def test_they_are_written_again(self, bench: Bench) -> None:
        """In full, and once."""
        known = bench.hide(connected("2018-03-01"), connected("2018-04-01"))

        assert asyncio.run(bench.rewrite()) == 1
        assert asyncio.run(bench.rewrite()) == 0

        [written] = bench.producer.states
        assert (written.topic, written.partition) == (CHANGELOG, HOME)
        assert decode_state(written.records[0][1]) == known

    def test_others_are_not(self, bench: Bench) -> None:
        """After an ordinary recovery nothing is written."""
        bench.engine.state_store.recover(SCHOOLS, HOME, PARIS, state_of(connected()))

        assert asyncio.run(bench.rewrite()) == 0
        assert bench.producer.states == []

    def test_they_wait_while_it_is_in_doubt_whose_they_are(self, bench: Bench) -> None:
        """A worker that slept must not write over its successor's states, not even to repair."""
        bench.hide(connected("2018-03-01"), connected("2018-04-01"))
        bench.consumer.problem = "no heartbeat was answered"

        assert asyncio.run(bench.rewrite()) == 0
        assert bench.producer.states == []
        assert bench.engine.state_store.repairs() == [(SCHOOLS, HOME)]

    def test_they_wait_while_the_states_are_restored(self, bench: Bench) -> None:
        """A rebalance has begun since the worker was ready: what is known by then is a part."""
        bench.hide(connected("2018-03-01"), connected("2018-04-01"))
        bench.consumer.checked = False

        assert asyncio.run(bench.rewrite()) == 0
        assert bench.producer.states == []
        assert bench.engine.state_store.repairs() == [(SCHOOLS, HOME)]

    def test_a_partition_that_is_lost_meanwhile_gets_no_metadata(self, bench: Bench) -> None:
        """Its next assignment would take it for what the group has committed."""
        bench.hide(connected("2018-03-01"), connected("2018-04-01"))

        async def lose() -> None:
            bench.producer.acknowledges.clear()
            rewriting = asyncio.create_task(bench.rewrite())
            await bench.producer.asked.wait()
            bench.engine.state_store.drop(SCHOOLS, HOME)
            bench.engine.tallies.drop(SCHOOLS, HOME)
            bench.producer.acknowledges.set()
            await rewriting

        asyncio.run(lose())

        assert bench.consumer.metadata == {}

    def test_they_stay_to_be_written_where_it_fails(self, bench: Bench) -> None:
        """The next try, or the next worker, writes them."""
        bench.hide(connected("2018-03-01"), connected("2018-04-01"))
        bench.producer.failure = BROKEN

        with pytest.raises(ProduceFailedError):
            asyncio.run(bench.rewrite())

        assert bench.engine.state_store.repairs() == [(SCHOOLS, HOME)]

    def test_they_wait_for_the_batch_in_flight(self, bench: Bench) -> None:
        """What it changes would otherwise be undone by an older state."""
        bench.hide(connected("2018-03-01"), connected("2018-04-01"))

        async def both() -> tuple[None, int]:
            bench.producer.acknowledges.clear()
            taking = asyncio.create_task(
                bench.take(bench.batch(record_of(connected("2018-05-01"))))
            )
            await bench.producer.asked.wait()
            rewriting = asyncio.create_task(bench.rewrite())
            await asyncio.sleep(0)
            bench.producer.acknowledges.set()
            return await asyncio.gather(taking, rewriting)

        _, rewritten = asyncio.run(both())

        # The batch wrote the entity in full, so nothing is left to repair.
        assert rewritten == 0
        assert len(bench.producer.states) == 1


class TestCheckFold:
    """The self-check of the figures."""

    def test_finds_nothing_as_a_rule(self, bench: Bench) -> None:
        """Figures are those of the states."""
        bench.take_all(record_of(connected()))

        assert asyncio.run(bench.engine.check_fold()) == 0
        assert bench.engine.meters.mismatches == 0

    def test_counts_and_logs_what_differs(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A fault of ours is a metric and a line in the log."""
        bench.take_all(record_of(connected()))
        next(iter(bench.engine.state_store.fold.series(HOME).values())).add({1: 1})

        assert asyncio.run(bench.engine.check_fold()) == 1
        assert bench.engine.meters.mismatches == 1
        assert caplog.messages == ["the fold differs from its states series=1"]
