"""The rules of the product, each with the change that switches it off.

A test of the simulation: it has to find each of them. The rules are those of decision 1 (batches
inside Faust), decision 36 (workers answer) and decision 37 (kept partitions).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final, cast

import faust
from faust.tables.recovery import Recovery
from faust.types import TP
from mode.supervisors import OneForOneSupervisor

from events import dead_letters
from events.dead_letter_content import LetterContent
from events.dead_letters import OriginalRecord
from events.errors import ContractError, RefusalReason
from events.records import OutgoingRecord
from events.topics import DEAD_LETTERS
from gateway.topics_writer import TopicsWriter, Written, _OpenProducer, _PartitionQueue, _Write
from streams import app as worker_app
from streams import (
    batch_transport,
    core,
    merging,
    state,
    watchdog,
)
from streams.app import RebalanceEnd
from streams.assigned_partition import AssignedPartition, Batch, Committed
from streams.batch_transport import BatchConsumer, BatchProducer, ProduceFailedError
from streams.engine import Engine
from streams.membership import Membership
from streams.queries import received
from streams.state import Cell
from streams.state_store import Position


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
        return self._sought_generation == generation

    _replace(BatchConsumer, "_may_read", may_read)


@_mutation("ended-by-another", "a recovery ends the rebalance of its own assignment only")
def _end_rebalances_by_any_recovery() -> None:
    def begin(self: BatchConsumer) -> None:
        self._sought_generation, self._is_revoked = None, True

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


@_mutation("same-leaders", "a worker that looks for positions looks for new leaders")
def _ask_the_same_leaders() -> None:
    thread = batch_transport._BatchConsumerThread
    real = thread.on_start

    async def on_start(self: batch_transport._BatchConsumerThread) -> None:
        await real(self)
        # What was set on the client's object; the class has its own.
        del self._ensure_consumer()._fetcher._proc_offset_request

    _replace(thread, "on_start", on_start)


@_mutation("faust-acks", "what is merged is committed, not what was passed on")
def _commit_what_was_passed_on() -> None:
    real = AssignedPartition.to_commit

    def to_commit(self: AssignedPartition) -> Committed:
        found = real(self)
        return found._replace(offset=max(found.offset, self._next or 0))

    _replace(AssignedPartition, "to_commit", to_commit)


@_mutation("gaps", "a gap before a batch causes a seek back")
def _pass_over_gaps() -> None:
    _replace(AssignedPartition, "_is_gap", lambda *_: False)


@_mutation("gaps-and-dropped", "a gap before a batch finds polled records that were dropped")
def _pass_over_gaps_and_drop() -> None:
    _pass_over_gaps()
    _drop_polled_records()


@_mutation("no-lease", "nothing is shown once the broker has been silent")
def _show_after_the_lease() -> None:
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


@_mutation("failed-letter", "a failed write of dead letters and forwards ends the process")
def _go_on_after_a_lost_dead_letter() -> None:
    real = BatchProducer.write_all

    async def write_all(self: BatchProducer, *given: Any) -> None:
        try:
            await real(self, *given)
        except ProduceFailedError:
            return

    _replace(BatchProducer, "write_all", write_all)


@_mutation("commit-before-letters", "a batch is done once the broker has acknowledged its letters")
def _commit_before_the_letters() -> None:
    real = BatchProducer.write_all

    async def write_all(self: BatchProducer, *given: Any) -> None:
        asyncio.get_running_loop().create_task(real(self, *given))

    _replace(BatchProducer, "write_all", write_all)


@_mutation("letters-below-commit", "dead letters of processed records are not written again")
def _write_letters_of_processed_records() -> None:
    _change_batches(lambda batch: batch._replace(writes=True))


@_mutation("counts-below-commit", "records that were processed are not counted again")
def _count_processed_records() -> None:
    _change_batches(lambda batch: batch._replace(is_new=True))


def _change_batches(change: Callable[[Batch], Batch]) -> None:
    real = AssignedPartition._batches_of

    def batches_of(self: AssignedPartition, *given: Any) -> Sequence[Batch]:
        return [*map(change, real(self, *given))]

    _replace(AssignedPartition, "_batches_of", batches_of)


@_mutation("seek-to-commit", "a partition is read from the position of its states")
def _seek_to_the_committed_offset() -> None:
    real = AssignedPartition.look

    def look(self: AssignedPartition, *given: Any) -> int | None:
        if self.position is None and self.committed:
            self._store.move(*self._key, Position(self.committed, None, 0))
        return real(self, *given)

    _replace(AssignedPartition, "look", look)


@_mutation("position-too-high", "after a rebalance reading goes on at the position")
def _skip_a_record_after_a_rebalance() -> None:
    _shift_positions(1)


@_mutation("position-too-low", "what is merged is not merged again after a rebalance")
def _read_a_record_again_after_a_rebalance() -> None:
    _shift_positions(-1)


def _shift_positions(by: int) -> None:
    _change_positions(lambda position: position._replace(next=position.next + by, last=None))


@_mutation("position-reset", "a partition that stays with its worker keeps its position")
def _reset_positions() -> None:
    _change_positions(lambda position: Position(position.start, None, position.start))


def _change_positions(change: Callable[[Position], Position]) -> None:
    """Change the position of each partition with records before a rebalance seeks it."""
    real = BatchConsumer.perform_seek

    async def perform_seek(self: BatchConsumer) -> None:
        for partition in self._partitions.values():
            position = partition.position
            if position is not None and position.last is not None:
                partition._store.move(*partition._key, change(position))
        await real(self)

    _replace(BatchConsumer, "perform_seek", perform_seek)


@_mutation("kept-of-others", "the states of a partition that another worker has are dropped")
def _keep_states_of_others() -> None:
    def drop(self: AssignedPartition) -> None:
        self.is_caught_up = False

    _replace(AssignedPartition, "drop", drop)


@_mutation("kept-shown", "a partition that was elsewhere is shown once it is caught up")
def _show_what_was_elsewhere() -> None:
    def is_caught_up(_: BatchConsumer, __: TP) -> bool:
        return True

    _replace(BatchConsumer, "is_caught_up", is_caught_up)


@_mutation("moved-position", "a batch whose partition was dropped meanwhile is not applied")
def _apply_at_any_position() -> None:
    _replace(Engine, "_check_position", lambda *_: None)


@_mutation("diverged", "a log that has another record where one was read is reported")
def _pass_over_diverged_logs() -> None:
    _replace(AssignedPartition, "_diverge", lambda *_: None)


@_mutation("same-epoch", "where a later leader wrote, the record before is looked at again")
def _pass_over_later_leaders() -> None:
    _replace(AssignedPartition, "_has_new_leader", lambda *_: False)


@_mutation("commit-of-lost-log", "nothing is committed of a partition whose log has lost records")
def _commit_of_lost_logs() -> None:
    def new_offset(self: BatchConsumer, tp: TP) -> int | None:
        partition = self._partitions.get(tp)
        return partition.processed if partition is not None and partition.is_caught_up else None

    _replace(BatchConsumer, "_new_offset", new_offset)


@_mutation("short-log", "a log that ends before what was read is reported")
def _pass_over_short_logs() -> None:
    _replace(BatchConsumer, "has_exact_ends", value=False)


@_mutation("agent-restarts", "a failed batch ends the process")
def _restart_the_agent() -> None:
    _replace(worker_app, "CrashingSupervisor", OneForOneSupervisor)


@_mutation("shown-without-lease", "a partition is shown while nobody else may own it")
def _show_without_a_lease() -> None:
    def problem(_: Membership, __: int) -> str | None:
        return None

    _replace(Membership, "_ownership_problem", problem)


@_mutation("silent-end", "a step of a recovery without an answer lets it begin again")
def _end_recoveries_silently() -> None:
    _replace(RebalanceEnd, "_wait", Recovery._wait)


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

    _replace(merging, "process", process)


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
