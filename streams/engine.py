"""The engine: one batch from the topic to the changelog, in the order that loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from faust.types import TP

from boundary.errors import SmartRegionError
from boundary.logs import course_of
from events.errors import ContractError, RefusalReason
from events.record_rules import RULES
from events.registry import Family
from events.topics import ENTITY_MAX_BYTES, changelog_name, topic_name
from streams.batch_transport import (
    AttemptNotNotedError,
    LeaseLostError,
    ProduceFailedError,
    WriteRefusedError,
)
from streams.changelog_tally import ChangelogTallies
from streams.core import RecordRefusal, Result, process
from streams.dead_letters import bare_dead_letter_record, dead_letter_record, forward_record
from streams.meters import Meters
from streams.passed_over import refusal_of
from streams.producers.attribution import Attribution
from streams.producers.meters import ProducerMeters
from streams.state import EMPTY, WATCHED_BYTES, EntityState, encode_state
from streams.state_store import StateStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faust.types import Message

    from catalogue.model import Catalogue
    from events.dead_letters import RecordOrigin
    from events.producers.model import Producers
    from events.record_rules import RecordRules
    from events.records import OutgoingRecord, Record
    from streams.batch_transport import BatchConsumer, BatchProducer
    from streams.clock import Clock
    from streams.dead_letter_rate import DeadLetterCause
    from streams.passed_over import Decision
    from streams.state_store import StateChange

__all__ = ["Engine"]

logger = logging.getLogger(__name__)


#: So many ends in a row at one record are no chance: it is told.
MANY_ENDS: Final = 3
#: Four scrapes of a Prometheus that asks every 15 s, far less than a worker may stand still.
HOLD_SECONDS: Final = 60.0
NOTHING_PASSED_OVER: Final[Mapping[RecordOrigin, Decision]] = MappingProxyType({})
#: A family and a partition.
Place: TypeAlias = "tuple[Family, int]"


class _Work(NamedTuple):
    """What records come to, worked out and not written yet."""

    result: Result
    states: Mapping[str, bytes]
    changes: Mapping[str, StateChange]
    outgoing: Sequence[OutgoingRecord]


class EndedBeforeError(SmartRegionError):
    """A worker has ended at the record with which a batch begins: it is worked through singly."""

    def __init__(self, ends: int) -> None:
        super().__init__(f"{ends} workers have ended at its first record")


class Engine:
    """Holds what the worker knows, and takes batches in.

    The order of a batch: decode, merge and fold; write the changed entities, dead letters and
    forwards; wait until the broker has them all; take the new states over; let the offset be
    committed. A failure of the broker, or of the lease, before the last step ends the process: the
    batch is read again and merges to the same state. Any other is a record's: the batch is worked
    through again, one record after the other, and the one that fails is refused.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        *,
        app_id: str,
        partitions: int,
        producers: Producers | None = None,
        passed_over: Mapping[RecordOrigin, Decision] = NOTHING_PASSED_OVER,
        rules: RecordRules = RULES,
    ) -> None:
        """Begin with nothing; without `producers` nobody is declared, and all records unknown's.

        Records of `passed_over` are refused without a look at what they hold.
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
        self._changelogs = {family: changelog_name(app_id, family) for family in Family}
        self._passed_over: Mapping[tuple[str, int], dict[int, Decision]] = defaultdict(dict)
        for (topic, partition, offset), decision in passed_over.items():
            self._passed_over[topic, partition][offset] = decision
        # Batches of a family and the rewriting of its repaired entities take turns.
        self._turns: Mapping[Family, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take(
        self,
        family: Family,
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
    ) -> None:
        """Work through one batch message and let its offset be committed.

        Raises LeaseLostError or ProduceFailedError; the process must then end.
        """
        place = family, message.partition
        records = cast("Sequence[Record]", message.value)
        ends = 0
        if consumer.is_fresh(message.tp):
            ends = await consumer.begin(message.tp, records[0].offset)
            if ends >= MANY_ENDS:
                await self._tell_of_ends(message.topic, message.partition, records[0].offset, ends)
        async with self._turns[family]:
            # Each record of such a batch has to show by itself whether it is the one.
            failure: Exception | None = EndedBeforeError(ends) if ends else None
            try:
                done = (
                    []
                    if failure
                    else [await self._take_in(place, records, message, consumer, producer)]
                )
            except Exception as error:
                # A record may fail anywhere, and ends nothing.
                if _is_nobodys(error):
                    raise
                failure = error
            if failure is not None:
                done = await self._take_singly(
                    place, failure, message, consumer, producer, noting=bool(ends)
                )
        consumer.done(message)
        self.meters.ends.pop((message.topic, message.partition), None)
        refusals = []
        for result in done:
            self.meters.count(result)
            refusals += result.refusals
        self.progressed_at = monotonic()
        if refusals:
            first = refusals[0]
            logger.warning(
                # Why, and not what: the value that was refused may be a person's.
                "dead letters topic=%s partition=%d count=%d first_offset=%d first_reason=%s",
                message.topic,
                message.partition,
                len(refusals),
                first.record.offset,
                first.error.reason,
            )
        cause = self.meters.count_batch(family, records, refusals)
        if cause is not None:
            self._warn_of_share(family, cause)

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

    async def _take_in(
        self,
        place: Place,
        records: Sequence[Record],
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
    ) -> Result:
        """Work through records as one: all of it is worked out before anything is written."""
        work = self._work_out(place, records)
        consumer.assert_lease(message)
        await self._write(place, work, consumer, producer, events_end=records[-1].offset + 1)
        self.state_store.take_over(*place, work.changes)
        self._watch(place, work)
        return work.result

    async def _take_singly(
        self,
        place: Place,
        cause: Exception,
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
        *,
        noting: bool = False,
    ) -> list[Result]:
        """Work through a failed batch, one record after the other; those that fail are refused.

        With `noting` it is written at each, but the first, that work at it begins.

        Raises LeaseLostError, and ProduceFailedError where that is not a record's fault.
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
        done = []
        for record in records:
            if noting and record is not records[0]:
                await consumer.begin(message.tp, record.offset)
            try:
                done.append(await self._take_in(place, [record], message, consumer, producer))
            except Exception as error:
                if _is_nobodys(error):
                    raise
                done.append(await self._refuse(record, error, message, consumer, producer))
        return done

    async def _refuse(
        self,
        record: Record,
        cause: Exception,
        message: Message,
        consumer: BatchConsumer,
        producer: BatchProducer,
    ) -> Result:
        """Write the dead letter of a record that failed, with what of it can be written."""
        logger.error(
            "unprocessable topic=%s partition=%d offset=%d error=%s",
            record.topic,
            record.partition,
            record.offset,
            course_of(cause),
        )
        refusal = RecordRefusal(record, _unprocessable(cause))
        consumer.assert_lease(message)
        now = self.clock.now()
        try:
            await producer.write_all([dead_letter_record(refusal, now=now)])
        except Exception as error:
            if _is_nobodys(error):
                raise
            await producer.write_all([bare_dead_letter_record(refusal, now=now)])
        return Result(refusals=[refusal])

    async def _tell_of_ends(self, topic: str, partition: int, offset: int, ends: int) -> None:
        """Say that workers have ended at a record again and again, and wait until that was heard.

        The next attempt may end this one as well, before anybody has asked for its metrics.
        """
        self.meters.ends[topic, partition] = ends
        logger.critical(
            "poison record topic=%s partition=%d offset=%d ends=%d: see"
            " docs/runbooks/PoisonRecord.md",
            topic,
            partition,
            offset,
            ends,
        )
        await asyncio.sleep(self.hold_seconds)
        self.progressed_at = monotonic()

    def _work_out(self, place: Place, records: Sequence[Record]) -> _Work:
        refusals = self._refused_unread(records)
        if refusals:
            unread = {refusal.record.offset for refusal in refusals}
            records = [record for record in records if record.offset not in unread]
        result = process(
            records,
            self.state_store.states(*place),
            family=place[0],
            partition=place[1],
            partitions=self.partitions,
            watched=self.state_store.watched(*place),
            rules=self.rules,
        )
        states = _encoded(result.changed)
        if _grew_large(states, self.state_store.watched(*place)):
            # Once for each that begins to be large: from here on its size is known, and checked.
            result, states = self._work_out_watching(place, records, states)
        result.refusals += refusals
        now = self.clock.now()
        return _Work(
            result,
            states,
            self.state_store.changes(*place, result.changed),
            [
                *(dead_letter_record(one, now=now) for one in result.refusals),
                *(forward_record(one) for one in result.forwards),
            ],
        )

    def _refused_unread(self, records: Sequence[Record]) -> list[RecordRefusal]:
        if not records or not self._passed_over:
            return []
        decisions = self._passed_over.get((records[0].topic, records[0].partition), {})
        return [
            RecordRefusal(record, refusal_of(decisions[record.offset]))
            for record in records
            if record.offset in decisions
        ]

    def _work_out_watching(
        self, place: Place, records: Sequence[Record], grown: Mapping[str, bytes]
    ) -> tuple[Result, dict[str, bytes]]:
        """Work through records again, with the sizes of the states that this batch makes large."""
        states, watched = self.state_store.states(*place), self.state_store.watched(*place)
        large = {
            entity: len(encode_state(states.get(entity, EMPTY)))
            for entity, value in grown.items()
            if len(value) > WATCHED_BYTES
        }
        result = process(
            records,
            states,
            family=place[0],
            partition=place[1],
            partitions=self.partitions,
            watched={**large, **watched},
            rules=self.rules,
        )
        return result, _encoded(result.changed)

    async def _write(
        self,
        place: Place,
        work: _Work,
        consumer: BatchConsumer,
        producer: BatchProducer,
        *,
        events_end: int,
    ) -> None:
        writes: list[Any] = []
        if work.states:
            writes.append(
                self._write_states(*place, work.states, consumer, producer, events_end=events_end)
            )
        if work.outgoing:
            writes.append(producer.write_all(work.outgoing))
        await asyncio.gather(*writes)

    def _watch(self, place: Place, work: _Work) -> None:
        for entity, value in work.states.items():
            if self.state_store.watch(*place, entity, len(value)):
                logger.warning(
                    # Not which: it may be a person. The changelog's keys tell, by their sizes.
                    "entity half full family=%s partition=%d bytes=%d limit=%d",
                    *place,
                    len(value),
                    ENTITY_MAX_BYTES,
                )

    async def rewrite_repaired(self, consumer: BatchConsumer, producer: BatchProducer) -> int:
        """Write again the entities whose last changelog record knows less than their state.

        Returns how many were written: none while it is in doubt whose they are, for it can wait.
        Compaction would otherwise keep the poorer record.
        """
        written = 0
        for family, partition in self.state_store.repairs():
            async with self._turns[family]:
                states = self.state_store.repairs_of(family, partition)
                if states and consumer.lease_doubt(consumer.app.consumer_generation_id) is None:
                    await self._write_states(
                        family, partition, _encoded(states), consumer, producer
                    )
                    self.state_store.repaired(family, partition, states)
                    written += len(states)
        if written:
            logger.warning("rewrote repaired entities count=%d", written)
        return written

    async def check_fold(self) -> int:
        """Derive the fold anew, place by place; count and return the differing series."""
        mismatches = 0
        for family, partition in self.state_store.places():
            mismatches += self.state_store.mismatches(family, partition)
            await asyncio.sleep(0)
        if mismatches:
            self.meters.mismatches += mismatches
            logger.error("the fold differs from its states series=%d", mismatches)
        return mismatches

    async def _write_states(
        self,
        family: Family,
        partition: int,
        states: Mapping[str, bytes],
        consumer: BatchConsumer,
        producer: BatchProducer,
        *,
        events_end: int | None = None,
    ) -> None:
        """Write states with the tally of their partition, and note how far the changelog goes."""
        changelog, tally = self._changelogs[family], self.tallies.of(family, partition)
        records = [(entity.encode(), value) for entity, value in states.items()]
        planned = tally.plan(records, events_end=events_end)
        end = await producer.write_batch(
            changelog, partition, records, last_headers=planned.headers
        )
        tally.wrote(planned, end, topic=changelog, partition=partition)
        events = TP(topic_name(family), partition)
        noted = consumer.noted(events).model_copy(update={"changelog": tally.extent})
        consumer.note(events, noted)


def _encoded(states: Mapping[str, EntityState]) -> dict[str, bytes]:
    return {entity: encode_state(state) for entity, state in states.items()}


def _grew_large(states: Mapping[str, bytes], watched: Mapping[str, int]) -> bool:
    return any(
        len(value) > WATCHED_BYTES and entity not in watched for entity, value in states.items()
    )


def _is_nobodys(error: Exception) -> bool:
    """Tell whether a failure is the lease's or the broker's, and no record's."""
    return isinstance(
        error, AttemptNotNotedError | LeaseLostError | ProduceFailedError
    ) and not isinstance(error, WriteRefusedError)


def _unprocessable(cause: Exception) -> ContractError:
    """Return why a record is refused that made the program fail; the cause is only named.

    What it says may repeat the record.
    """
    return ContractError(
        RefusalReason.UNPROCESSABLE,
        "value",
        type(cause).__name__,
        "read the worker's log and report it, then replay the letter",
    )
