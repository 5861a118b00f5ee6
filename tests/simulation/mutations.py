"""The rules of the product, each with a change to the running program that switches it off.

They test the simulation, which must find each change. The text at each change states the rule.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, cast

from faust.tables.recovery import Recovery
from faust.types import TP
from mode.supervisors import OneForOneSupervisor

from events import dead_letters
from events.dead_letter_content import LetterContent
from events.dead_letters import OriginalRecord
from events.errors import ContractError, RefusalReason
from events.records import OutgoingRecord
from events.topics import DEAD_LETTERS
from gateway.topics_writer import TopicsWriter, Written
from streams import app as worker_app
from streams import (
    batch_transport,
    engine,
    merging,
    partition_snapshots,
    state,
    watchdog,
)
from streams.app import RebalanceEnd
from streams.assigned_partition import AssignedPartition, Batch
from streams.batch_transport import BatchConsumer, BatchProducer, ProduceFailedError
from streams.commit_metadata import Committed
from streams.dead_letters import forward_record
from streams.engine import Engine
from streams.fold import Fold
from streams.membership import Membership
from streams.partition_snapshots import PartitionSnapshots, StatesTaken
from streams.queries import received
from streams.state import Cell, EntityState
from streams.state_store import Position
from tests.simulation.snapshot_folders import header_of


def _replace(owner: Any, name: str, value: Any) -> None:
    """Replace an attribute; a missing one is an error."""
    if not hasattr(owner, name):
        raise AttributeError(name)
    setattr(owner, name, value)


def _nothing(*_: object) -> None: ...


async def _nothing_awaited(*_: object) -> None: ...


def _true(*_: object) -> bool:
    return True


def _false(*_: object) -> bool:
    return False


#: The rules that are a single function or constant of the product, and its replacement.
_REPLACED: Final[Mapping[str, tuple[Any, str, Any]]] = {
    # A worker that the broker has forgotten commits nothing.
    "commit-of-stranger": (batch_transport, "_check_commit", _nothing),
    # Polled records that cannot be passed on are read again.
    "polled-dropped": (BatchConsumer, "_seek_back", _nothing_awaited),
    # A gap before a batch causes a seek back.
    "gaps": (AssignedPartition, "_is_gap", _false),
    # Nothing is shown once the broker has been silent.
    "no-lease": (batch_transport, "HEARTBEAT_AGE_SHARE", 1e9),
    # A partition that was elsewhere is shown once it is caught up.
    "kept-shown": (BatchConsumer, "is_caught_up", _true),
    # A batch is not applied if its partition was dropped meanwhile.
    "moved-position": (Engine, "_check_position", _nothing),
    # A log with another record at an offset that was read is reported.
    "diverged": (AssignedPartition, "_diverge", _nothing),
    # When a new leader has written, the record before is checked again.
    "same-epoch": (AssignedPartition, "_has_new_leader", _false),
    # A log that ends before the offset up to which it was read is reported.
    "short-log": (BatchConsumer, "has_exact_ends", False),
    # A failed batch ends the process.
    "agent-restarts": (worker_app, "CrashingSupervisor", OneForOneSupervisor),
    # A partition is shown only while no other worker can own it.
    "shown-without-lease": (Membership, "_ownership_problem", _nothing),
    # A recovery starts again if one of its steps gets no answer.
    "silent-end": (RebalanceEnd, "_wait", Recovery._wait),
    # A worker without progress ends.
    "no-watchdog": (watchdog.Watchdog, "check", _nothing_awaited),
    # A rebalance does not wait for a batch that is processed singly.
    "held-rebalance": (BatchConsumer, "is_awaited", _false),
    # Errors of the coordinator are requested.
    "coordinator-errors": (BatchConsumer, "check_errors", _nothing_awaited),
    # Of two answers for a partition, the one with the higher generation counts.
    "any-answer": (received, "_counts", _true),
    # Changes count only if the histories that they change are held.
    "unfounded-changes": (received, "_continues", _true),
    # A Kafka client of the gateway that has failed is replaced.
    "failed-producer": (TopicsWriter, "_close", _nothing_awaited),
}
#: The functions that switch a rule off, by name.
MUTATIONS: Final[dict[str, Callable[[], None]]] = {
    name: partial(_replace, *replaced) for name, replaced in _REPLACED.items()
}


def _mutation(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register the function that switches a rule off."""

    def register(switch_off: Callable[[], None]) -> Callable[[], None]:
        MUTATIONS[name] = switch_off
        return switch_off

    return register


@_mutation("same-leaders")
def _ask_the_same_leaders() -> None:
    """A worker that looks up positions also looks up new leaders."""
    thread = batch_transport._BatchConsumerThread
    real = thread.on_start

    async def on_start(self: batch_transport._BatchConsumerThread) -> None:
        await real(self)
        # Remove the attribute of the object, so that the class's own applies.
        del self._ensure_consumer()._fetcher._proc_offset_request

    _replace(thread, "on_start", on_start)


@_mutation("faust-acks")
def _commit_what_was_passed_on() -> None:
    """The merged position is committed, not the position that was passed on."""
    real = AssignedPartition.to_commit

    def to_commit(self: AssignedPartition) -> Committed:
        found = real(self)
        return found._replace(offset=max(found.offset, self._next or 0))

    _replace(AssignedPartition, "to_commit", to_commit)


@_mutation("gaps-and-dropped")
def _pass_over_gaps_and_drop() -> None:
    """A gap before a batch finds polled records that were dropped."""
    for name in ("gaps", "polled-dropped"):
        MUTATIONS[name]()


@_mutation("lease-from-assignment")
def _count_from_the_assignment() -> None:
    """A lease begins when the request for an assignment was sent."""
    real = batch_transport._BatchConsumerThread.on_partitions_assigned

    async def assigned(
        self: batch_transport._BatchConsumerThread, tps: set[TP], generation_id: int = 0
    ) -> None:
        self._sync_sent_at = asyncio.get_running_loop().time()
        await real(self, tps, generation_id)

    _replace(batch_transport._BatchConsumerThread, "on_partitions_assigned", assigned)


@_mutation("failed-letter")
def _go_on_after_a_lost_dead_letter() -> None:
    """A failed write of dead letters and forwards ends the process."""
    real = BatchProducer.write_all

    async def write_all(self: BatchProducer, *given: Any) -> None:
        try:
            await real(self, *given)
        except ProduceFailedError:
            return

    _replace(BatchProducer, "write_all", write_all)


@_mutation("commit-before-letters")
def _commit_before_the_letters() -> None:
    """A batch is done once the broker has acknowledged its dead letters."""
    real = BatchProducer.write_all

    async def write_all(self: BatchProducer, *given: Any) -> None:
        asyncio.get_running_loop().create_task(real(self, *given))

    _replace(BatchProducer, "write_all", write_all)


@_mutation("letters-below-commit")
def _write_letters_of_processed_records() -> None:
    """Dead letters of processed records are not written again."""
    _change_batches(lambda batch: batch._replace(writes=True))


@_mutation("counts-below-commit")
def _count_processed_records() -> None:
    """Records that were processed are not counted again."""
    _change_batches(lambda batch: batch._replace(is_new=True))


def _change_batches(change: Callable[[Batch], Batch]) -> None:
    real = AssignedPartition._batches_of

    def batches_of(self: AssignedPartition, *given: Any) -> Sequence[Batch]:
        return [*map(change, real(self, *given))]

    _replace(AssignedPartition, "_batches_of", batches_of)


@_mutation("seek-to-commit")
def _seek_to_the_committed_offset() -> None:
    """A partition is read from the position of its states."""
    real = AssignedPartition.look

    def look(self: AssignedPartition, *given: Any) -> int | None:
        if self.position is None and self.committed:
            self._store.move(*self._key, Position(self.committed, None, 0))
        return real(self, *given)

    _replace(AssignedPartition, "look", look)


@_mutation("position-too-high")
def _skip_a_record_after_a_rebalance() -> None:
    """After a rebalance, reading continues at the position."""
    _shift_positions(1)


@_mutation("position-too-low")
def _read_a_record_again_after_a_rebalance() -> None:
    """Merged records are not merged again after a rebalance."""
    _shift_positions(-1)


def _shift_positions(by: int) -> None:
    _change_positions(lambda position: position._replace(next=position.next + by, last=None))


@_mutation("position-reset")
def _reset_positions() -> None:
    """A partition that stays with its worker keeps its position."""
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


@_mutation("kept-of-others")
def _keep_states_of_others() -> None:
    """The states of a partition that moved to another worker are dropped."""

    def drop(self: AssignedPartition) -> None:
        self.is_caught_up = False

    _replace(AssignedPartition, "drop", drop)


@_mutation("held-report")
def _hold_rebalances_for_reports() -> None:
    """A rebalance does not wait for the report on a record that ends workers."""
    real = Engine._report_poison_record

    async def report(self: Engine, tp: TP, offset: int, ends: int, _: BatchConsumer) -> None:
        consumer = cast("BatchConsumer", SimpleNamespace(is_awaited=lambda: False))
        await real(self, tp, offset, ends, consumer)

    _replace(Engine, "_report_poison_record", report)


@_mutation("no-forwards")
def _drop_forwards() -> None:
    """A record on a wrong partition is forwarded."""
    real = Engine._compute

    def compute(self: Engine, *given: Any) -> Any:
        computed = real(self, *given)
        return computed._replace(
            outgoing=[one for one in computed.outgoing if one.topic == DEAD_LETTERS]
        )

    _replace(Engine, "_compute", compute)


@_mutation("early-receipt")
def _give_receipts_early() -> None:
    """A receipt is given once the broker has acknowledged the event."""
    real = TopicsWriter.write

    async def write(self: TopicsWriter, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        return [
            found or Written(record.topic, 0, None)
            for record, found in zip(records, await real(self, records), strict=True)
        ]

    _replace(TopicsWriter, "write", write)


@_mutation("first-offset")
def _give_the_offset_of_the_batch() -> None:
    """A receipt has the offset of its own event."""
    real = TopicsWriter.write

    async def write(self: TopicsWriter, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        first: dict[tuple[str, int], Written] = {}
        return [
            found and first.setdefault((found.topic, found.partition), found)
            for found in await real(self, records)
        ]

    _replace(TopicsWriter, "write", write)


@_mutation("letter-headers")
def _drop_the_last_header() -> None:
    """A dead letter has all headers of its record."""

    def shorten(original: OriginalRecord) -> OriginalRecord:
        return replace(original, headers=original.headers[:-1])

    _change_letters(lambda original, content: (shorten(original), content))


@_mutation("letter-value")
def _cut_values_by_a_byte() -> None:
    """A dead letter has the value of its record, byte for byte."""

    def cut(original: OriginalRecord) -> OriginalRecord:
        return replace(original, value=original.value[:-1]) if original.value else original

    _change_letters(lambda original, content: (cut(original), content))


@_mutation("letter-reason")
def _give_one_reason_for_all() -> None:
    """A dead letter says why its record was refused."""

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


@_mutation("arrival-order")
def _let_the_later_arrival_count() -> None:
    """Between events of the same time, source and id decide, never the order of arrival."""

    def newest(left: Cell, right: Cell) -> Cell:
        return left if left.time > right.time or left[:3] == right[:3] else right

    for module in (merging, state):
        _replace(module, "newest", newest)


@_mutation("swapped-outcomes")
def _swap_outcomes() -> None:
    """A duplicate is distinguished from a superseded record."""
    swapped = {
        merging.Outcome.DUPLICATE: merging.Outcome.SUPERSEDED,
        merging.Outcome.SUPERSEDED: merging.Outcome.DUPLICATE,
    }
    real = merging.merge_records

    def process(*given: Any, **named: Any) -> merging.Result:
        result = real(*given, **named)
        result.records = Counter(
            {
                (source, kind, swapped.get(outcome, outcome), days): number
                for (source, kind, outcome, days), number in result.records.items()
            }
        )
        return result

    _replace(merging, "merge_records", process)


@_mutation("stale-explanations")
def _keep_explanations_of_former_owners() -> None:
    """After a rebalance a reader has the new owner's explanations."""
    real = received.ReceivedHistories.apply

    def apply(self: received.ReceivedHistories, *given: Any) -> received.Applied:
        before = self._held
        applied = real(self, *given)
        self._held = {
            partition: replace(one, explanations=before[partition].explanations)
            if partition in before and before[partition].generation != one.generation
            else one
            for partition, one in self._held.items()
        }
        return applied

    _replace(received.ReceivedHistories, "apply", apply)


@_mutation("stopped-producer")
def _wait_for_stopped_producers() -> None:
    """Unfinished writes of a stopped Kafka client of the gateway are given up."""

    def give_up(_: TopicsWriter) -> None:
        """Wait for it."""

    _replace(TopicsWriter, "_give_up", give_up)


@_mutation("snapshot-of-other-topic")
def _restore_states_of_other_topics() -> None:
    """A snapshot is used only for the topic with the same id."""
    _forgive_in_snapshots("topic")


@_mutation("snapshot-of-other-rules")
def _restore_states_of_other_rules() -> None:
    """A snapshot is used only under the same rules."""
    _forgive_in_snapshots("rules")


def _forgive_in_snapshots(name: str) -> None:
    real = partition_snapshots._decoded

    def decoded(file: bytes, of: Mapping[str, int | str]) -> Any:
        header = header_of(file)
        return real(file, {**of, name: header.of[name]})

    _replace(partition_snapshots, "_decoded", decoded)


@_mutation("snapshot-one-short")
def _note_a_position_too_high() -> None:
    """A snapshot has every record before its position."""
    real = PartitionSnapshots._write

    def write(self: PartitionSnapshots, key: Any, taken: StatesTaken) -> None:
        position = taken.position
        real(self, key, taken._replace(position=position._replace(next=position.next + 1)))

    _replace(PartitionSnapshots, "_write", write)


@_mutation("content-by-arrival")
def _let_the_later_content_count() -> None:
    """Of two contents of one (time, source, id), the greater counts, whichever arrives first."""
    real = state.newest

    def newest(left: Cell, right: Cell) -> Cell:
        has_other = left[:3] == right[:3] and left.attributes != right.attributes
        return right if has_other else real(left, right)

    for module in (merging, state):
        _replace(module, "newest", newest)


@_mutation("forward-key")
def _forward_with_the_key_of_the_record() -> None:
    """A forward has the key of its entity."""
    real = forward_record

    def forward(one: merging.Forward) -> OutgoingRecord:
        return real(one)._replace(key=one.record.key or b"")

    _replace(engine, "forward_record", forward)


@_mutation("former-department")
def _keep_former_departments() -> None:
    """An entity that moves leaves the figures of its former département."""
    real = Fold.difference

    def departments(found: EntityState) -> set[object]:
        cells = [cell for days in found.values() for cell in days.values()]
        return {cell.attributes.get("department") for cell in cells if cell.attributes}

    def difference(self: Fold, *given: Any) -> Any:
        found, before, after = real(self, *given), *given[-2:]
        if departments(before) - departments(after) and departments(after):
            return [one for one in found if one[2] > 0]
        return found

    _replace(Fold, "difference", difference)
