"""The engine: processes one batch, from the topic of events to the changelog, without loss."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, cast

from faust.types import TP, Message

from boundary.errors import SmartRegionError
from boundary.logs import traceback_of
from catalogue.model import Catalogue
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.producers.model import Producers
from events.record_rules import RULES, RecordRules
from events.records import OutgoingRecord, Record
from events.topics import ENTITY_MAX_BYTES, changelog_name, topic_name
from streams.batch_transport import (
    AttemptNotCommittedError,
    BatchConsumer,
    BatchProducer,
    PartitionFencedError,
    ProduceFailedError,
    WriteRefusedError,
)
from streams.changelog_tally import ChangelogShrunkError, ChangelogTallies
from streams.clock import Clock
from streams.core import RecordRefusal, Result, process
from streams.dead_letter_rate import DeadLetterCause
from streams.dead_letters import (
    bare_dead_letter_record,
    dead_letter_record,
    dead_letter_records,
    forward_record,
)
from streams.meters import Meters
from streams.producers.meters import Attribution, ProducerMeters
from streams.skipped_records import Decision, refusal_of
from streams.state import EMPTY, LARGE_STATE_BYTES, EntityState, encode_state
from streams.state_store import StateChange, StateStore

logger = logging.getLogger(__name__)


#: From this number of crashes in a row at one record on, it is reported as a poison record.
POISON_RECORD_CRASHES: Final = 3
#: From this number on, a batch that begins with the record is processed singly. One end is most
#: often chance, and thousands of records singly, each with two answers of the broker, take minutes.
SINGLY_FROM_ENDS: Final = 2
#: Four scrapes at an interval of 15 s, far less than the stall timeout.
HOLD_SECONDS: Final = 60.0
#: How often that wait looks whether a rebalance has begun.
HOLD_LOOK_SECONDS: Final = 0.1
NOTHING_SKIPPED: Final[Mapping[RecordOrigin, Decision]] = MappingProxyType({})
FamilyPartition: TypeAlias = "tuple[Family, int]"


class _Computed(NamedTuple):
    """The result of records, before it is written."""

    result: Result
    states: Mapping[str, bytes]
    changes: Mapping[str, StateChange]
    outgoing: Sequence[OutgoingRecord]


class EndedBeforeError(SmartRegionError):
    """Workers have ended at the first record of a batch, which is then processed singly."""

    def __init__(self, ends: int) -> None:
        super().__init__(f"{ends} workers have ended at its first record")


class Engine:
    """Processes batches of events into the state store.

    The order in a batch: decode, merge and fold; write changed entities, dead letters and forwards;
    wait until the broker has acknowledged them all; apply the new states; allow the commit of the
    offset. A failure of the broker, or the loss of the partition, before the last step ends the
    process: the batch is read again and leads to the same state. Any other failure is that of a
    record: the batch is processed again, one record after the other, and the record that fails is
    refused.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        *,
        app_id: str,
        partitions: int,
        producers: Producers | None = None,
        skipped: Mapping[RecordOrigin, Decision] = NOTHING_SKIPPED,
        rules: RecordRules = RULES,
    ) -> None:
        """Create an engine with an empty state store.

        Without `producers`, every record is attributed to the unknown producer. Records in
        `skipped` are refused without being decoded.
        """
        self.catalogue = catalogue
        self.clock = clock
        self.partitions = partitions
        self.tallies = ChangelogTallies()
        self.rules = rules
        self.state_store = StateStore(catalogue.terms, rules)
        self.meters = Meters(ProducerMeters(Attribution(producers)))
        self.progressed_at = monotonic()
        self.hold_seconds = HOLD_SECONDS
        #: By record that ended workers: how often HOLD_LOOK_SECONDS it has been reported for.
        self._looks: Counter[tuple[TP, int]] = Counter()
        self.on_applied: Callable[[], object] = lambda: None
        """Called each time that states have changed."""
        self._changelogs = {family: changelog_name(app_id, family) for family in Family}
        self._skipped: Mapping[tuple[str, int], dict[int, Decision]] = defaultdict(dict)
        for (topic, partition, offset), decision in skipped.items():
            self._skipped[topic, partition][offset] = decision
        # A batch of a family and the rewriting of its repaired entities exclude each other.
        self._locks: Mapping[Family, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def process_batch(
        self, family: Family, message: Message, consumer: BatchConsumer, producer: BatchProducer
    ) -> None:
        """Process one batch message and allow the commit of its offset.

        Raises PartitionFencedError, ProduceFailedError or ChangelogShrunkError; the process must
        then end.
        """
        try:
            await self._process_batch(family, message, consumer, producer)
        except ProduceFailedError as error:
            if _is_fatal(error):
                # The broker ends this worker, and no record: another would be held for one.
                await consumer.take_back_attempts()
            raise

    async def _process_batch(
        self, family: Family, message: Message, consumer: BatchConsumer, producer: BatchProducer
    ) -> None:
        key = family, message.partition
        records = cast("Sequence[Record]", message.value)
        ends = await self._begin(message, records[0].offset, consumer)
        if ends is None:
            return
        async with self._locks[family]:
            # Processing such a batch singly finds the record that ends workers.
            is_poison = ends >= SINGLY_FROM_ENDS
            failure: Exception | None = EndedBeforeError(ends) if is_poison else None
            try:
                done = (
                    []
                    if failure
                    else [await self._process(key, records, message, consumer, producer)]
                )
            except Exception as error:
                # A record may raise anything, and must not end the process.
                if _is_fatal(error):
                    raise
                failure = error
            if failure is not None:
                done = await self._process_singly(
                    key, failure, message, consumer, producer, is_poison=is_poison
                )
        # A rebalance does not wait for hundreds of records that are processed singly.
        taken = records if failure is None else records[: len(done)]
        left = records[len(taken)].offset if len(taken) < len(records) else None
        consumer.done(message, before=left)
        self.meters.ends.pop((message.topic, message.partition), None)
        refusals = []
        for result in done:
            refusals += result.refusals
        self.progressed_at = monotonic()
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

    async def _begin(self, message: Message, offset: int, consumer: BatchConsumer) -> int | None:
        """Begin a batch whose first record is at an offset.

        Returns how many attempts at the record have ended a worker; None where the batch is left to
        a rebalance. Raises AttemptNotCommittedError.
        """
        tp = message.tp
        if consumer.is_stopped(tp):
            consumer.ack(message)  # Read again after the rebalance.
            return None
        if not consumer.is_fresh(tp):
            return 0
        ends = consumer.ends_at(tp, offset)
        if ends >= POISON_RECORD_CRASHES:
            await self._report_poison_record(tp, offset, ends, consumer)
            if consumer.is_awaited():
                # No attempt was made. Whoever has the partition then reports it anew.
                self.meters.ends.pop((tp.topic, tp.partition), None)
                consumer.release(message)
                return None
            del self._looks[tp, offset]
        return await consumer.begin(tp, offset)

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

    async def _process(
        self,
        key: FamilyPartition,
        records: Sequence[Record],
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
    ) -> Result:
        """Process records together: everything is computed before anything is written."""
        computed = self._compute(key, records)
        consumer.assert_not_fenced(message)
        await self._write(key, computed, consumer, producer, events_end=records[-1].offset + 1)
        self.state_store.apply(*key, computed.changes)
        self.on_applied()
        self._set_sizes(key, computed.states)
        # Processed singly, a record is committed before its batch is done.
        self.meters.count(computed.result)
        return computed.result

    async def _process_singly(
        self,
        key: FamilyPartition,
        cause: Exception,
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
        *,
        is_poison: bool = False,
    ) -> list[Result]:
        """Process a failed batch, one record after the other; records that fail are refused.

        It ends early, after the first record or later, where a rebalance waits for it.
        With `is_poison`, an attempt is committed before each record except the first.

        Raises PartitionFencedError, and ProduceFailedError where the broker fails.
        """
        records = cast("Sequence[Record]", message.value)
        logger.warning(
            "working singly topic=%s partition=%d first_offset=%d count=%d cause=%s",
            message.topic,
            message.partition,
            records[0].offset,
            len(records),
            type(cause).__name__,
        )
        done: list[Result] = []
        for record in records:
            if done and consumer.is_awaited():
                break
            if is_poison and record is not records[0]:
                await consumer.begin(message.tp, record.offset)
            try:
                done.append(await self._process(key, [record], message, consumer, producer))
            except Exception as error:
                if _is_fatal(error):
                    raise
                done.append(await self._refuse(record, error, message, consumer, producer))
            # Thousands of records singly may take longer than the stall timeout.
            self.progressed_at = monotonic()
        return done

    async def _refuse(
        self,
        record: Record,
        cause: Exception,
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
    ) -> Result:
        """Write the dead letter of a record that failed, without its content if that fails."""
        logger.error(
            "unprocessable topic=%s partition=%d offset=%d error=%s",
            record.topic,
            record.partition,
            record.offset,
            traceback_of(cause),
        )
        refusal = RecordRefusal(record, _unprocessable(cause))
        consumer.assert_not_fenced(message)
        now = self.clock.now()
        try:
            await producer.write_all([dead_letter_record(refusal, now=now)])
        except Exception as error:
            if _is_fatal(error):
                raise
            await producer.write_all([bare_dead_letter_record(refusal, now=now)])
        result = Result(refusals=[refusal])
        self.meters.count(result)
        return result

    async def _report_poison_record(
        self, tp: TP, offset: int, ends: int, consumer: BatchConsumer
    ) -> None:
        """Report a record at which workers have ended repeatedly, and wait for a few scrapes.

        The next attempt may end this worker before its metrics are scraped. A rebalance, as of the
        last worker that it ended and that starts again, does not wait for that: nobody would get on
        meanwhile. The next report by this worker lasts for the rest of that time: rebalances that
        come often would put the attempt off for ever.
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
        result = process(
            records,
            self.state_store.states(*key),
            family=key[0],
            partition=key[1],
            partitions=self.partitions,
            sizes=self.state_store.sizes(*key),
            rules=self.rules,
        )
        states = _encoded(result.changed)
        if _became_large(states, self.state_store.sizes(*key)):
            # Once per entity that becomes large: from then on its size is known and checked.
            result, states = self._compute_with_sizes(key, records, states)
        result.refusals += refusals
        now = self.clock.now()
        return _Computed(
            result,
            states,
            self.state_store.changes(*key, result.changed, values=states, known=result.known),
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

    def _compute_with_sizes(
        self, key: FamilyPartition, records: Sequence[Record], grown: Mapping[str, bytes]
    ) -> tuple[Result, dict[str, bytes]]:
        """Return the result of records, given the sizes of the states that they make large."""
        states = self.state_store.states(*key)
        large = {
            entity: len(encode_state(states.get(entity, EMPTY)))
            for entity, value in grown.items()
            if len(value) > LARGE_STATE_BYTES
        }
        result = process(
            records,
            states,
            family=key[0],
            partition=key[1],
            partitions=self.partitions,
            sizes={**large, **self.state_store.sizes(*key)},
            rules=self.rules,
        )
        return result, _encoded(result.changed)

    async def _write(
        self,
        key: FamilyPartition,
        computed: _Computed,
        consumer: BatchConsumer,
        producer: BatchProducer,
        *,
        events_end: int,
    ) -> None:
        writes: list[Any] = []
        if computed.changes:
            states = [(change.key, change.value) for change in computed.changes.values()]
            writes.append(
                self._write_states(*key, states, consumer, producer, events_end=events_end)
            )
        if computed.outgoing:
            writes.append(producer.write_all(computed.outgoing))
        await asyncio.gather(*writes)

    def _set_sizes(self, key: FamilyPartition, states: Mapping[str, bytes]) -> None:
        for entity, value in states.items():
            if self.state_store.set_size(*key, entity, len(value)):
                logger.warning(
                    # Without the entity, which may be a person: the changelog shows it by size.
                    "entity half full family=%s partition=%d bytes=%d limit=%d",
                    *key,
                    len(value),
                    ENTITY_MAX_BYTES,
                )

    async def rewrite_repaired(self, consumer: BatchConsumer, producer: BatchProducer) -> int:
        """Write the entities again whose last changelog record has fewer cells than their state.

        Compaction would otherwise keep the incomplete record. Returns the number of entities
        written: 0 while the ownership of the partitions is uncertain, or their states are restored.
        """
        written = 0
        for family, partition in self.state_store.repairs():
            async with self._locks[family]:
                states = self.state_store.repairs_of(family, partition)
                generation = consumer.app.consumer_generation_id
                # A rebalance may have begun since the last await, and restore the states anew.
                if (
                    states
                    and consumer.is_checked(generation)
                    and consumer.ownership_problem(generation) is None
                ):
                    written_again = [
                        (entity.encode(), encode_state(state)) for entity, state in states.items()
                    ]
                    await self._write_states(family, partition, written_again, consumer, producer)
                    self.state_store.repaired(family, partition, states)
                    written += len(states)
        if written:
            logger.warning("rewrote repaired entities count=%d", written)
        return written

    async def check_fold(self) -> int:
        """Return how many series differ from a fold from scratch, and count them in the meters.

        It gives way to other tasks after each step.
        """
        mismatches = 0
        for family, partition in self.state_store.partitions():
            mismatches += await _in_steps(self.state_store.check(family, partition))
        if mismatches:
            self.meters.mismatches += mismatches
            logger.error("the fold differs from its states series=%d", mismatches)
        return mismatches

    async def _write_states(
        self,
        family: Family,
        partition: int,
        states: Sequence[tuple[bytes, bytes]],
        consumer: BatchConsumer,
        producer: BatchProducer,
        *,
        events_end: int | None = None,
    ) -> None:
        """Write states by key, with their partition's summary; set the extent as metadata."""
        changelog, tally = self._changelogs[family], self.tallies.of(family, partition)
        planned = tally.plan(states, events_end=events_end)
        end = await producer.write_batch(changelog, partition, states, last_headers=planned.headers)
        tally.record_write(planned, end, topic=changelog, partition=partition)
        if not self.tallies.has(family, partition, tally):
            return  # No rebalance waits for what is written again.
        events = TP(topic_name(family), partition)
        metadata = consumer.metadata_of(events).model_copy(update={"changelog": tally.extent})
        consumer.set_metadata(events, metadata)


async def _in_steps(work: Generator[None, None, int]) -> int:
    while True:
        await asyncio.sleep(0)
        try:
            next(work)
        except StopIteration as end:
            return int(end.value)


def _encoded(states: Mapping[str, EntityState]) -> dict[str, bytes]:
    return {entity: encode_state(state) for entity, state in states.items()}


def _became_large(states: Mapping[str, bytes], sizes: Mapping[str, int]) -> bool:
    return any(
        len(value) > LARGE_STATE_BYTES and entity not in sizes for entity, value in states.items()
    )


def _is_fatal(error: Exception) -> bool:
    """Return True where the broker failed or the partition is lost, False where a record failed."""
    return isinstance(
        error,
        AttemptNotCommittedError | ChangelogShrunkError | PartitionFencedError | ProduceFailedError,
    ) and not isinstance(error, WriteRefusedError)


def _unprocessable(cause: Exception) -> ContractError:
    """Return the error of a record that made the program fail.

    It has the name of the cause, and not its message, which may repeat the record.
    """
    return ContractError(
        RefusalReason.UNPROCESSABLE,
        "value",
        type(cause).__name__,
        "read the worker's log and report it, then replay the letter",
    )
