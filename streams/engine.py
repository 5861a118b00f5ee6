"""The engine: merges one batch of events into the states, without loss."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import monotonic, time_ns
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from faust.types import TP, Message

from boundary.errors import SmartRegionError
from boundary.logs import traceback_of
from boundary.tracing import OFF, Tracing
from catalogue.model import Catalogue
from events.claims import trace_of
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.last_record import LastRecord
from events.producers.model import Producers
from events.record_rules import RULES, RecordRules
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTERS
from streams.assigned_partition import Batch
from streams.batch_transport import (
    AttemptNotCommittedError,
    BatchConsumer,
    BatchProducer,
    ProduceFailedError,
    WriteRefusedError,
)
from streams.clock import Clock
from streams.dead_letter_rate import DeadLetterCause
from streams.dead_letters import (
    bare_dead_letter_record,
    dead_letter_record,
    dead_letter_records,
    forward_record,
)
from streams.decisions import NOTHING_ACCEPTED, AcceptedLosses, Skip, refusal_of
from streams.merging import RecordRefusal, Result, changes_of
from streams.meters import Attribution, Meters, ProducerMeters
from streams.rules_fingerprint import fingerprint_of
from streams.state_store import FamilyPartition, StateChange, StateStore

logger = logging.getLogger(__name__)


#: A record with this many crashes in a row is reported as a poison record.
POISON_RECORD_CRASHES: Final = 3
#: After this many crashes, a batch that begins with the record is processed singly. A single crash
#: is usually a coincidence, and thousands of single records take minutes: each costs two round
#: trips to the broker.
SINGLY_FROM_ENDS: Final = 2
#: How long a poison record is reported: four scrapes of 15 s, far less than the stall timeout.
HOLD_SECONDS: Final = 60.0
#: How often that wait checks whether a rebalance has begun.
HOLD_LOOK_SECONDS: Final = 0.1
#: How many processed records are merged at once; other tasks run in between.
MERGE_STEP: Final = 500
#: How many refusals of a batch are added to the traces of their records.
TRACED_REFUSALS: Final = 128
NOTHING_SKIPPED: Final[Mapping[RecordOrigin, Skip]] = MappingProxyType({})


class _Computed(NamedTuple):
    """The result of some records, before it is written."""

    result: Result
    changes: Mapping[str, StateChange]
    outgoing: Sequence[OutgoingRecord]


class _PositionMovedError(Exception):
    """A batch does not follow its partition's states: they were dropped, and a seek will follow."""


class CrashedBeforeError(SmartRegionError):
    """Workers have ended at the first record of a batch, so it is processed singly."""

    def __init__(self, ends: int) -> None:
        super().__init__(f"{ends} workers have ended at its first record")


class Engine:
    """Processes batches of events into the state store.

    The steps for a batch: decode, merge and fold; write dead letters and forwards; wait until the
    broker has acknowledged them all; apply the new states; allow the commit of the offset. Records
    before the committed offset are not written or counted again. If the broker fails before the
    last step, the process ends: the batch is read again and leads to the same state. Any other
    failure is attributed to a record: the batch is processed again, one record at a time, and the
    record that fails is refused.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        *,
        partitions: int,
        producers: Producers | None = None,
        skipped: Mapping[RecordOrigin, Skip] = NOTHING_SKIPPED,
        accepted: AcceptedLosses = NOTHING_ACCEPTED,
        rules: RecordRules = RULES,
    ) -> None:
        """Create an engine with an empty state store.

        Without `producers`, every record is attributed to the unknown producer. Records in
        `skipped` are refused without being decoded. `accepted` are losses accepted by operators.
        """
        self.catalogue = catalogue
        self.clock = clock
        self.partitions = partitions
        self.rules = rules
        self.state_store = StateStore(catalogue.terms)
        self.recovered_records = 0
        """The number of records merged before committed offsets."""
        self.unprocessable: set[FamilyPartition] = set()
        """Partitions with a record that failed in this process; another process may accept it."""
        self.meters = Meters(ProducerMeters(Attribution(producers)))
        self.progressed_at = monotonic()
        self.hold_seconds = HOLD_SECONDS
        self.tracing: Tracing = OFF
        #: By record that ended workers: how many times HOLD_LOOK_SECONDS it has been reported.
        self._looks: Counter[tuple[TP, int]] = Counter()
        self._skipped: Mapping[tuple[str, int], dict[int, Skip]] = defaultdict(dict)
        for (topic, partition, offset), decision in skipped.items():
            self._skipped[topic, partition][offset] = decision
        self.accepted = accepted
        self.rules_fingerprint = fingerprint_of(rules, producers, skipped, accepted)

    async def process_batch(
        self, family: Family, message: Message, consumer: BatchConsumer, producer: BatchProducer
    ) -> None:
        """Process one batch message and allow the commit of its offset.

        Raises ProduceFailedError or AttemptNotCommittedError; the process must then end.
        """
        try:
            with self._traced(message):
                await self._process_batch(family, message, consumer, producer)
        except _PositionMovedError:
            consumer.ack(message)
        except ProduceFailedError as error:
            if _is_fatal(error):
                # The broker ends this worker: otherwise a record would be blamed for it.
                await consumer.take_back_attempts()
            raise

    def _traced(self, message: Message) -> AbstractContextManager[None]:
        """Return a context with the span of a batch whose records are new."""
        batch = cast("Batch", message.value)
        if not (self.tracing.is_on and batch.is_new):
            return nullcontext()
        records = batch.records
        return self.tracing.batch(
            message.topic,
            message.partition,
            offsets=(records[0].offset, records[-1].offset),
            records=len(records),
            origins=(trace_of(record.headers, record.value) for record in records),
        )

    async def _process_batch(
        self, family: Family, message: Message, consumer: BatchConsumer, producer: BatchProducer
    ) -> None:
        batch = cast("Batch", message.value)
        records, began = batch.records, time_ns()
        self._check_position((family, message.partition), batch)
        ends = await self._begin(message, records[0].offset, consumer)
        if ends is None:
            return
        # Processing such a batch singly finds the record that ends workers.
        is_poison = ends >= SINGLY_FROM_ENDS
        failure: Exception | None = CrashedBeforeError(ends) if is_poison else None
        done: list[Result] = []
        try:
            if failure is None:
                done = [await self._process_together(family, message, producer)]
        except Exception as error:
            # A record may raise anything and must not end the process.
            if _is_fatal(error):
                raise
            failure = error
        if failure is not None:
            done = await self._process_singly(
                family, failure, message, consumer, producer, is_poison=is_poison
            )
        # A rebalance does not wait for hundreds of single records.
        taken = records if failure is None else records[: len(done)]
        consumer.done(message, is_partly=len(taken) < len(records))
        self.meters.ends.pop((message.topic, message.partition), None)
        self.progressed_at = monotonic()
        if not batch.is_new:
            self.recovered_records += len(taken)
            return
        refusals = []
        for result in done:
            refusals += result.refusals
        self._trace(done, refusals, began)
        if refusals:
            first = refusals[0]
            logger.warning(
                # The reason without the value, which may be personal data.
                "dead letters topic=%s partition=%d count=%d first_offset=%d first_reason=%s",
                message.topic,
                message.partition,
                len(refusals),
                first.record.offset,
                first.error.reason,
            )
        cause = self.meters.count_batch(family, taken, refusals)
        if cause is not None:
            self._warn_of_share(family, cause)

    def _trace(self, done: list[Result], refusals: list[RecordRefusal], began: int) -> None:
        """Add the outcome of a batch to its span, and each refusal to its record's trace."""
        if not self.tracing.is_on:
            return
        forwarded = sum(len(result.forwards) for result in done)
        self.tracing.processed(refused=len(refusals), forwarded=forwarded)
        for record, error in ((one.record, one.error) for one in refusals[:TRACED_REFUSALS]):
            if origin := trace_of(record.headers, record.value):
                self.tracing.sent(DEAD_LETTERS, origin, began=began, error=error.reason)

    async def _begin(self, message: Message, offset: int, consumer: BatchConsumer) -> int | None:
        """Begin a batch whose first record is at an offset.

        Returns how many attempts at the record have ended a worker, or None if the batch is left to
        a rebalance. Raises AttemptNotCommittedError.
        """
        tp = message.tp
        if consumer.is_stopped(tp):
            consumer.ack(message)  # The partition is sought and read again.
            return None
        if not consumer.needs_attempt(tp):
            return 0
        ends = consumer.crashes_at(tp, offset)
        if ends >= POISON_RECORD_CRASHES:
            await self._report_poison_record(tp, offset, ends, consumer)
            if consumer.is_awaited():
                # No attempt was made. The next owner of the partition reports the record again.
                self.meters.ends.pop((tp.topic, tp.partition), None)
                consumer.release(message)
                return None
            del self._looks[tp, offset]
        return await consumer.begin_attempt(tp, offset)

    def _warn_of_share(self, family: Family, cause: DeadLetterCause) -> None:
        policy = self.meters.policy
        logger.warning(
            "dead letter share family=%s above=%.2f of_last=%d first_reason=%s first_field=%s"
            " first=%s/%d/%d: see docs/runbooks/DeadLetterShareHigh.md",
            family,
            policy.max_share,
            policy.window,
            cause.reason,
            cause.field,
            *cause.origin,
        )

    def _check_position(self, key: FamilyPartition, batch: Batch) -> None:
        """Raise _PositionMovedError if a partition's states are not those that a batch follows."""
        position = self.state_store.position(*key)
        dropped = self.state_store.drops(*key) != batch.drops
        if dropped or position is None or position.next != batch.start:
            raise _PositionMovedError

    async def _process_together(
        self, family: Family, message: Message, producer: BatchProducer
    ) -> Result:
        """Process the records of a batch together; in steps if they were processed before."""
        batch = cast("Batch", message.value)
        if batch.is_new:
            return await self._process((family, message.partition), batch, producer)
        result, start = Result(), batch.start
        for begin in range(0, len(batch.records), MERGE_STEP):
            step = batch.records[begin : begin + MERGE_STEP]
            await self._process(
                (family, message.partition), batch._replace(records=step, start=start), producer
            )
            start = step[-1].offset + 1
            self.progressed_at = monotonic()
            await asyncio.sleep(0)
        return result

    async def _process(self, key: FamilyPartition, batch: Batch, producer: BatchProducer) -> Result:
        """Process records together: everything is computed before anything is written."""
        self._check_position(key, batch)
        computed = self._compute(key, batch.records)
        if batch.writes and computed.outgoing:
            await producer.write_all(computed.outgoing)
            self._check_position(key, batch)
        self.state_store.apply(*key, computed.changes)
        self._move(key, batch.records[-1])
        if batch.is_new:
            # Counted here: a single record is committed before its batch is done.
            self.meters.count(computed.result)
        return computed.result

    def _move(self, key: FamilyPartition, last: Record) -> None:
        position = self.state_store.position(*key)
        if position is not None:
            after = position._replace(next=last.offset + 1, last=LastRecord.of(last))
            self.state_store.move(*key, after)

    async def _process_singly(
        self,
        family: Family,
        cause: Exception,
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
        *,
        is_poison: bool = False,
    ) -> list[Result]:
        """Process a failed batch, one record at a time; records that fail are refused.

        Stops early, after the first record or later, if a rebalance waits for it.
        With `is_poison`, commits an attempt before each record except the first.

        Raises ProduceFailedError if the broker fails.
        """
        batch = cast("Batch", message.value)
        key = family, message.partition
        logger.warning(
            "working singly topic=%s partition=%d first_offset=%d count=%d cause=%s",
            message.topic,
            message.partition,
            batch.records[0].offset,
            len(batch.records),
            type(cause).__name__,
        )
        done: list[Result] = []
        for record in batch.records:
            position = self.state_store.position(*key)
            if position is None:
                raise _PositionMovedError
            if record.offset < position.next:
                # It belongs to a step that was merged before a later one failed.
                done.append(Result())
                continue
            if done and consumer.is_awaited():
                break
            if is_poison and record is not batch.records[0]:
                await consumer.begin_attempt(message.tp, record.offset)
            one = batch._replace(records=[record], start=position.next)
            try:
                done.append(await self._process(key, one, producer))
            except Exception as error:
                if _is_fatal(error):
                    raise
                done.append(await self._refuse(key, one, error, producer))
            # Thousands of single records may take longer than the stall timeout.
            self.progressed_at = monotonic()
        return done

    async def _refuse(
        self, key: FamilyPartition, batch: Batch, cause: Exception, producer: BatchProducer
    ) -> Result:
        """Write the dead letter of a failed record, without its content if that fails too."""
        (record,) = batch.records
        logger.error(
            "unprocessable topic=%s partition=%d offset=%d error=%s",
            record.topic,
            record.partition,
            record.offset,
            traceback_of(cause),
        )
        refusal = RecordRefusal(record, _unprocessable(cause))
        self.unprocessable.add(key)
        if batch.writes:
            now = self.clock.now()
            try:
                await producer.write_all([dead_letter_record(refusal, now=now)])
            except Exception as error:
                if _is_fatal(error):
                    raise
                await producer.write_all([bare_dead_letter_record(refusal, now=now)])
            self._check_position(key, batch)
        self._move(key, record)
        result = Result(refusals=[refusal])
        if batch.is_new:
            self.meters.count(result)
        return result

    async def _report_poison_record(
        self, tp: TP, offset: int, ends: int, consumer: BatchConsumer
    ) -> None:
        """Report a record at which workers have ended repeatedly, and wait for a few scrapes.

        The next attempt may end this worker before its metrics are scraped. A rebalance does not
        wait for the scrapes, for example when the last worker that ended starts again: no worker
        would make progress meanwhile. The next report by this worker lasts only for the remaining
        time: otherwise frequent rebalances would postpone the attempt for ever.
        """
        self.meters.ends[tp.topic, tp.partition] = ends
        record = (tp, offset)
        logger.critical(
            "poison record topic=%s partition=%d offset=%d ends=%d: see"
            " docs/runbooks/PoisonRecord.md",
            *tp,
            offset,
            ends,
        )
        while self._looks[record] < self.hold_seconds / HOLD_LOOK_SECONDS:
            if consumer.is_awaited():
                break
            self._looks[record] += 1
            await asyncio.sleep(HOLD_LOOK_SECONDS)
        self.progressed_at = monotonic()

    def _compute(self, key: FamilyPartition, records: Sequence[Record]) -> _Computed:
        refusals = self._skipped_refusals(records)
        if refusals:
            unread = {refusal.record.offset for refusal in refusals}
            records = [record for record in records if record.offset not in unread]
        result, changes = changes_of(
            self.state_store, key, records, partitions=self.partitions, rules=self.rules
        )
        result.refusals += refusals
        now = self.clock.now()
        return _Computed(
            result,
            changes,
            [
                *dead_letter_records(result.refusals, now=now),
                *(forward_record(one) for one in result.forwards),
            ],
        )

    def _skipped_refusals(self, records: Sequence[Record]) -> list[RecordRefusal]:
        if not records or not self._skipped:
            return []
        decisions = self._skipped.get((records[0].topic, records[0].partition), {})
        return [
            RecordRefusal(record, refusal_of(decisions[record.offset]))
            for record in records
            if record.offset in decisions
        ]

    async def check_fold(self) -> int:
        """Return how many series differ from a fold from scratch, and count them in the meters.

        Other tasks run after each step.
        """
        mismatches = 0
        for family, partition in self.state_store.partitions():
            mismatches += await _in_steps(self.state_store.check(family, partition))
        if mismatches:
            self.meters.mismatches += mismatches
            logger.error("the fold differs from its states series=%d", mismatches)
        return mismatches


async def _in_steps(work: Generator[None, None, int]) -> int:
    while True:
        await asyncio.sleep(0)
        try:
            next(work)
        except StopIteration as end:
            return int(end.value)


def _is_fatal(error: Exception) -> bool:
    """Return True if the broker failed or a batch is outdated, False if a record failed."""
    return isinstance(
        error, AttemptNotCommittedError | ProduceFailedError | _PositionMovedError
    ) and not isinstance(error, WriteRefusedError)


def _unprocessable(cause: Exception) -> ContractError:
    """Return the error of a record that made the program fail.

    It names the type of the cause without its message, which may repeat the record.
    """
    return ContractError(
        RefusalReason.UNPROCESSABLE,
        "value",
        type(cause).__name__,
        "read the worker's log and report it, then replay the dead letter",
    )
