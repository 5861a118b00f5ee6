"""The rules of the product, each with the change that switches it off.

A test of the simulation: it has to find each of them. The rules are those of decision 1 (batches
inside Faust), decision 36 (workers answer) and decision 37 (kept partitions).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final, cast

import faust
from aiokafka.errors import KafkaError
from faust.tables.recovery import Recovery
from faust.types import TP
from mode.supervisors import OneForOneSupervisor

from broker.stored_record import RawRecord
from events import dead_letters
from events.dead_letter_content import LetterContent
from events.dead_letters import OriginalRecord
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.records import OutgoingRecord
from events.topics import DEAD_LETTERS
from gateway.topics_writer import TopicsWriter, Written, _OpenProducer, _PartitionQueue, _Write
from streams import app as worker_app
from streams import (
    batch_transport,
    changelog_tally,
    core,
    engine,
    state,
    state_check,
    watchdog,
)
from streams.batch_transport import BatchConsumer, BatchProducer, ProduceFailedError
from streams.changelog_tally import ChangelogTally
from streams.engine import Engine
from streams.late_writes import LateWriteWatch
from streams.membership import Membership
from streams.queries import received
from streams.state import Cell, decode_state
from streams.state_store import StateStore
from streams.tables import EntityRecovery, EntityStore, EntityTable


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rule, and the change of the running program that switches it off."""

    name: str
    rule: str
    switch_off: Callable[[], None]


#: By name.
MUTATIONS: Final[dict[str, Mutation]] = {}


def _mutation(name: str, rule: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register the function that switches a rule off."""

    def register(switch_off: Callable[[], None]) -> Callable[[], None]:
        MUTATIONS[name] = Mutation(name, rule, switch_off)
        return switch_off

    return register


@_mutation("events-while-rebalancing", "no event topic is read while the group rebalances")
def _read_events_while_rebalancing() -> None:
    def may_read(self: BatchConsumer, generation: int) -> bool:
        return self._checked_generation == generation and not self.faults

    _replace(BatchConsumer, "_may_read_events", may_read)


@_mutation("events-before-check", "no event is read before the restored states are checked")
def _read_events_before_the_check() -> None:
    def may_read(self: BatchConsumer, _: int) -> bool:
        return not self.app.rebalancing

    _replace(BatchConsumer, "_may_read_events", may_read)


@_mutation("ended-by-another", "a recovery ends the rebalance of its own assignment only")
def _end_rebalances_by_any_recovery() -> None:
    def begin(self: BatchConsumer) -> None:
        self._checked_generation = None

    _replace(worker_app._App, "on_rebalance_end", faust.App.on_rebalance_end)
    _replace(BatchConsumer, "_begin_rebalance", begin)


@_mutation("commit-of-stranger", "a worker that the broker has forgotten commits nothing")
def _commit_as_a_stranger() -> None:
    def check_commit(_: Any) -> None:
        """Let it commit."""

    _replace(batch_transport, "_check_commit", check_commit)


@_mutation("polled-dropped", "polled records that cannot be passed on are read again")
def _drop_polled_records() -> None:
    async def seek_back(_: BatchConsumer, __: Mapping[TP, Any]) -> None:
        """Leave the position behind the records."""

    _replace(BatchConsumer, "_seek_back", seek_back)


@_mutation("seek-to-committed", "what was polled is sought back to, not what is committed")
def _seek_back_to_committed_offsets() -> None:
    real = BatchConsumer._seek_back

    async def seek_back(self: BatchConsumer, polled: Mapping[TP, Any]) -> None:
        await real(self, {tp: some for tp, some in polled.items() if self._is_changelog_tp(tp)})
        with suppress(KafkaError):  # The next recovery seeks again.
            await self.perform_seek()

    _replace(BatchConsumer, "_seek_back", seek_back)


@_mutation("same-leaders", "a worker that looks for positions looks for new leaders")
def _ask_the_same_leaders() -> None:
    thread = batch_transport._BatchConsumerThread
    real = thread.on_start

    async def on_start(self: batch_transport._BatchConsumerThread) -> None:
        await real(self)
        # What was set on the client's object; the class has its own.
        del self._ensure_consumer()._fetcher._proc_offset_request

    _replace(thread, "on_start", on_start)


@_mutation("refilled-changelog", "a write at a lower offset than it says shows a loss before it")
def _pass_over_refilled_changelogs() -> None:
    _replace(changelog_tally, "loss_before", lambda *_: None)


@_mutation("overwritten-summary", "another record where a summary was shows a loss before it")
def _pass_over_overwritten_summaries() -> None:
    _replace(state_check, "_overwritten", lambda *_: None)


@_mutation("unread-summary", "a write is summed up where all that the log holds was read")
def _sum_up_what_was_not_read() -> None:
    real = changelog_tally.ChangelogTally.set_extent

    def set_extent(
        self: changelog_tally.ChangelogTally, start: int, end: int, *, restored: int
    ) -> None:
        real(self, start, end, restored=restored if self.entities else end)

    _replace(changelog_tally.ChangelogTally, "set_extent", set_extent)


@_mutation("no-beginning", "a partition without a committed offset is read from its beginning")
def _start_where_the_client_does() -> None:
    real = BatchConsumer.seek_wait

    async def seek_wait(self: BatchConsumer, positions: Mapping[TP, int]) -> None:
        await real(self, {tp: offset for tp, offset in positions.items() if offset})

    _replace(BatchConsumer, "seek_wait", seek_wait)


@_mutation("any-generation", "an offset is committed in the generation in which its batch was done")
def _commit_for_any_generation() -> None:
    def new_offset(self: BatchConsumer, tp: TP) -> int | None:
        return self._done.get(tp, (-1, None))[1]

    _replace(BatchConsumer, "_new_offset", new_offset)


@_mutation("revoked-offsets", "the offsets of revoked partitions are dropped")
def _keep_offsets_of_revoked_partitions() -> None:
    async def revoked(self: BatchConsumer, tps: set[TP]) -> None:
        await super(BatchConsumer, self).on_partitions_revoked(tps)

    _commit_for_any_generation()
    _replace(BatchConsumer, "on_partitions_revoked", revoked)


@_mutation("faust-acks", "only a batch that is done allows a commit")
def _commit_what_faust_acknowledges() -> None:
    real = BatchConsumer.ack

    def ack(self: BatchConsumer, message: Any) -> bool:
        self._done[message.tp] = (message.generation_id, message.offset + 1)
        return real(self, message)

    real_batch = Engine.process_batch

    async def process_batch(
        self: Engine, family: Family, message: Any, consumer: BatchConsumer, producer: Any
    ) -> None:
        # As Faust's streams do where nobody has said `noack`: when the event is taken.
        ack(consumer, message)
        await real_batch(self, family, message, consumer, producer)

    _replace(Engine, "process_batch", process_batch)


@_mutation("gaps", "a gap before a batch causes a seek back")
def _pass_over_gaps() -> None:
    async def is_contiguous(_: BatchConsumer, __: TP, ___: int) -> bool:
        return True

    _replace(BatchConsumer, "_is_contiguous", is_contiguous)


@_mutation("gaps-and-dropped", "a gap before a batch finds polled records that were dropped")
def _pass_over_gaps_and_drop() -> None:
    _pass_over_gaps()
    _drop_polled_records()


@_mutation("no-fence", "nothing is written without the partition")
def _write_without_a_fence() -> None:
    def assert_not_fenced(_: BatchConsumer, __: Any) -> None:
        """Let it write."""

    _replace(BatchConsumer, "assert_not_fenced", assert_not_fenced)


@_mutation("no-lease", "nothing is written once the broker has been silent")
def _write_after_the_lease() -> None:
    _replace(batch_transport, "HEARTBEAT_AGE_SHARE", 1e9)


@_mutation("lease-from-assignment", "a lease begins when the request for an assignment was sent")
def _count_from_the_assignment() -> None:
    real = batch_transport._BatchConsumerThread.on_partitions_assigned

    async def assigned(
        self: batch_transport._BatchConsumerThread, tps: set[TP], generation_id: int = 0
    ) -> None:
        self._sync_sent_at = asyncio.get_running_loop().time()
        await real(self, tps, generation_id)

    _replace(batch_transport._BatchConsumerThread, "on_partitions_assigned", assigned)


@_mutation("last-record", "a recovery merges the records of an entity")
def _take_the_last_record() -> None:
    def restore_all(
        self: StateStore, family: Family, partition: int, records: Iterable[RawRecord]
    ) -> list[tuple[RawRecord, Exception]]:
        for record in records:
            if record.key is not None and isinstance(record.value, bytes):
                state = decode_state(record.value)
                self.put(family, partition, {record.key.decode(): state})
        return []

    _replace(StateStore, "restore_all", restore_all)


@_mutation("no-rewrite", "what a late writer had overwritten is written again")
def _keep_overwritten_records() -> None:
    async def rewrite(_: Engine, __: BatchConsumer, ___: BatchProducer) -> int:
        return 0

    _replace(Engine, "rewrite_repaired", rewrite)


@_mutation("no-fence-last-record", "fence and merge, both")
def _write_without_a_fence_and_take_the_last() -> None:
    _write_without_a_fence()
    _take_the_last_record()


@_mutation("failed-write", "a failed write of states ends the process")
def _go_on_after_a_failed_write() -> None:
    real = BatchProducer.write_batch

    async def write_batch(self: BatchProducer, *given: Any, **named: Any) -> int | None:
        try:
            return await real(self, *given, **named)
        except ProduceFailedError:
            return None

    _replace(BatchProducer, "write_batch", write_batch)


@_mutation("failed-letter", "a failed write of dead letters and forwards ends the process")
def _go_on_after_a_lost_dead_letter() -> None:
    real = BatchProducer.write_all

    async def write_all(self: BatchProducer, *given: Any) -> None:
        try:
            await real(self, *given)
        except ProduceFailedError:
            return

    _replace(BatchProducer, "write_all", write_all)


@_mutation("agent-restarts", "a failed batch ends the process")
def _restart_the_agent() -> None:
    _replace(worker_app, "CrashingSupervisor", OneForOneSupervisor)


@_mutation("commit-before-write", "a batch is done once the broker has acknowledged its writes")
def _commit_before_the_write() -> None:
    real = Engine._write

    async def write(self: Engine, *given: Any, **named: Any) -> None:
        asyncio.get_running_loop().create_task(real(self, *given, **named))

    _replace(Engine, "_write", write)


@_mutation("rewrite-without-fence", "repaired entities are written by their owner alone")
def _write_repairs_without_a_fence() -> None:
    real = Engine.rewrite_repaired

    class Unfenced:
        """The consumer, as repairs see it: what is shown goes on to ask the real one."""

        def __init__(self, consumer: BatchConsumer) -> None:
            self._consumer = consumer

        def __getattr__(self, name: str) -> Any:
            return getattr(self._consumer, name)

        def ownership_problem(self, _: int) -> str | None:
            return None

    async def rewrite(self: Engine, consumer: BatchConsumer, producer: BatchProducer) -> int:
        return await real(self, cast("BatchConsumer", Unfenced(consumer)), producer)

    _replace(Engine, "rewrite_repaired", rewrite)


@_mutation("kept-of-others", "the states of a revoked partition are dropped")
def _keep_states_of_others() -> None:
    real = EntityTable.on_rebalance

    async def on_rebalance(
        self: EntityTable, assigned: set[Any], _: set[Any], new: set[Any], generation: int = 0
    ) -> None:
        await real(self, assigned, set(), new, generation)

    _replace(EntityTable, "on_rebalance", on_rebalance)


@_mutation("merged-to-last-write", "a recovery reads from the offset up to which all is merged")
def _read_on_from_the_last_write() -> None:
    real = ChangelogTally.record_write

    def record_write(self: ChangelogTally, *given: Any, **named: Any) -> None:
        real(self, *given, **named)
        self.merged = self.end

    _replace(ChangelogTally, "record_write", record_write)


@_mutation("faust-offsets", "a recovery after a revocation begins at the beginning")
def _read_on_from_what_faust_noted() -> None:
    def revoke(_: Recovery, __: TP) -> None:
        """Keep the offset of a revoked partition."""

    def persisted_offset(_: EntityStore, __: TP) -> int | None:
        return None

    _replace(Recovery, "revoke", revoke)
    _replace(EntityStore, "persisted_offset", persisted_offset)


@_mutation("shown-without-lease", "a partition is shown while nobody else may own it")
def _show_without_a_lease() -> None:
    def problem(_: Membership, __: int) -> str | None:
        return None

    _replace(Membership, "_ownership_problem", problem)


@_mutation("early-end", "a recovery reaches what was written")
def _end_recoveries_early() -> None:
    def check_restored(*_: Any) -> None:
        """Believe the end that the recovery was told."""

    _replace(state_check, "check_restored", check_restored)


@_mutation("faust-offsets-early-end", "both of faust-offsets and early-end")
def _read_on_and_end_early() -> None:
    _read_on_from_what_faust_noted()
    _end_recoveries_early()


@_mutation("no-late-watch", "an owner looks for what others wrote to its changelogs")
def _skip_the_late_write_watch() -> None:
    async def check(_: LateWriteWatch) -> None:
        """Find nothing."""

    _replace(LateWriteWatch, "check", check)


@_mutation("silent-end", "a step of a recovery without an answer lets it begin again")
def _end_recoveries_silently() -> None:
    _replace(EntityRecovery, "_wait", Recovery._wait)


@_mutation("no-watchdog", "a worker that does not get on ends")
def _skip_the_watchdog() -> None:
    async def check(_: watchdog.Watchdog) -> None:
        """Find nothing."""

    _replace(watchdog.Watchdog, "check", check)


@_mutation("held-rebalance", "a rebalance does not wait for a batch that is processed singly")
def _hold_rebalances() -> None:
    def is_awaited(_: BatchConsumer) -> bool:
        return False

    _replace(BatchConsumer, "is_awaited", is_awaited)


@_mutation("held-report", "a rebalance does not wait for the report of a record that ends workers")
def _hold_rebalances_for_reports() -> None:
    real = Engine._report_poison_record

    async def report(self: Engine, tp: TP, offset: int, ends: int, _: BatchConsumer) -> None:
        consumer = cast("BatchConsumer", SimpleNamespace(is_awaited=lambda: False))
        await real(self, tp, offset, ends, consumer)

    _replace(Engine, "_report_poison_record", report)


@_mutation("coordinator-errors", "errors of the coordinator are asked for")
def _leave_coordinator_errors() -> None:
    async def check_errors(_: BatchConsumer) -> None:
        """Ask for none."""

    _replace(BatchConsumer, "check_errors", check_errors)


@_mutation("no-forwards", "a record on a wrong partition is forwarded")
def _drop_forwards() -> None:
    real = Engine._compute

    def compute(self: Engine, *given: Any) -> Any:
        computed = real(self, *given)
        return computed._replace(
            outgoing=[one for one in computed.outgoing if one.topic == DEAD_LETTERS]
        )

    _replace(Engine, "_compute", compute)


@_mutation("any-answer", "of two answers for a partition the one of the higher generation counts")
def _take_every_answer() -> None:
    _replace(received, "_counts", lambda *_: True)


@_mutation("unfounded-changes", "changes count where what they change is held")
def _take_changes_of_anything() -> None:
    _replace(received, "_continues", lambda *_: True)


@_mutation("early-receipt", "a receipt is given once the broker has acknowledged the event")
def _give_receipts_early() -> None:
    real = TopicsWriter.write

    async def write(self: TopicsWriter, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        return [
            found or Written(record.topic, 0, None)
            for record, found in zip(records, await real(self, records), strict=True)
        ]

    _replace(TopicsWriter, "write", write)


@_mutation("first-offset", "a receipt has the offset of its own event")
def _give_the_offset_of_the_batch() -> None:
    first: dict[int, Written] = {}
    real = _Write.resolve

    def resolve(self: _Write, number: int, position: Written | None) -> None:
        if position is not None:
            position = first.setdefault(id(self), position)
        real(self, number, position)

    _replace(_Write, "resolve", resolve)


@_mutation("letter-headers", "a dead letter has all headers of its record")
def _drop_the_last_header() -> None:
    def shorten(original: OriginalRecord) -> OriginalRecord:
        return replace(original, headers=original.headers[:-1])

    _change_letters(lambda original, content: (shorten(original), content))


@_mutation("letter-value", "a dead letter has the value of its record, byte for byte")
def _cut_values_by_a_byte() -> None:
    def cut(original: OriginalRecord) -> OriginalRecord:
        return replace(original, value=original.value[:-1]) if original.value else original

    _change_letters(lambda original, content: (cut(original), content))


@_mutation("letter-reason", "a dead letter says why its record was refused")
def _give_one_reason_for_all() -> None:
    def invalid(content: LetterContent) -> LetterContent:
        error = content.error
        json = RefusalReason.INVALID_JSON
        return content._replace(error=ContractError(json, error.field, error.value, error.remedy))

    _change_letters(lambda original, content: (original, invalid(content)))


def _change_letters(
    change: Callable[[OriginalRecord, LetterContent], tuple[OriginalRecord, LetterContent]],
) -> None:
    real = dead_letters.dead_letter_record

    def changed(original: OriginalRecord, content: LetterContent, **named: Any) -> OutgoingRecord:
        return real(*change(original, content), **named)

    _replace(dead_letters, "dead_letter_record", changed)


@_mutation("arrival-order", "source and id decide between events of one time, never their arrival")
def _let_the_later_arrival_count() -> None:
    def newest(left: Cell, right: Cell) -> Cell:
        return left if left.time > right.time or left[:3] == right[:3] else right

    for module in (core, state):
        _replace(module, "newest", newest)


@_mutation("swapped-outcomes", "a duplicate is told from a superseded record")
def _swap_outcomes() -> None:
    swapped = {
        core.Outcome.DUPLICATE: core.Outcome.SUPERSEDED,
        core.Outcome.SUPERSEDED: core.Outcome.DUPLICATE,
    }
    real = core.process

    def process(*given: Any, **named: Any) -> core.Result:
        result = real(*given, **named)
        result.records = Counter(
            {
                (source, kind, swapped.get(outcome, outcome), days): number
                for (source, kind, outcome, days), number in result.records.items()
            }
        )
        return result

    _replace(engine, "process", process)


@_mutation("stale-explanations", "after a rebalance a reader has the new owner's explanations")
def _keep_explanations_of_former_owners() -> None:
    real = received.ReceivedHistories.apply

    def apply(self: received.ReceivedHistories, *given: Any) -> received.Applied:
        before = self._held
        applied = real(self, *given)
        self._held = {
            partition: replace(one, said=before[partition].said)
            if partition in before and before[partition].generation != one.generation
            else one
            for partition, one in self._held.items()
        }
        return applied

    _replace(received.ReceivedHistories, "apply", apply)


@_mutation("stopped-producer", "what a stopped Kafka client of the gateway leaves is given up")
def _wait_for_stopped_producers() -> None:
    async def acknowledged(self: _OpenProducer, batch: Any, queue: _PartitionQueue) -> int | None:
        sent = await self.client.send_batch(batch, queue.topic, partition=queue.partition)
        return int((await sent).offset)

    _replace(_OpenProducer, "acknowledged", acknowledged)


@_mutation("failed-producer", "a Kafka client of the gateway that has failed is replaced")
def _keep_failed_producers() -> None:
    async def close(_: TopicsWriter) -> None:
        """Keep it."""

    _replace(TopicsWriter, "_close", close)


def _replace(owner: Any, name: str, value: Any) -> None:
    """Replace an attribute; one that is not there (any more) is an error."""
    if not hasattr(owner, name):
        raise AttributeError(name)
    setattr(owner, name, value)
