"""The engine: one batch from the topic to the changelog, in the order that loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from events.registry import Family
from events.topics import changelog_name
from streams.core import process
from streams.dead_letters import dead_letter_record, forward_record
from streams.exposition import Snapshot, figures_of
from streams.holdings import Holdings
from streams.meters import Meters
from streams.producers.attribution import Attribution
from streams.producers.meters import ProducerMeters
from streams.state import EntityState, encode_state

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from faust.types import Message

    from catalogue.model import Catalogue
    from events.producers.model import Producers
    from events.records import Record
    from streams.batching import BatchConsumer, BatchProducer
    from streams.clock import Clock

__all__ = ["Engine"]

logger = logging.getLogger(__name__)


class Engine:
    """Holds what the worker knows, and takes batches in.

    The order of a batch: decode and merge; write the changed entities, dead letters and
    forwards; wait until the broker has them all; take the new states over; let the offset be
    committed. A failure before the last step ends the process: the batch is read again and merges
    to the same state.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        *,
        app_id: str,
        partitions: int,
        producers: Producers | None = None,
    ) -> None:
        """Begin with nothing; without `producers` nobody is declared, and all records unknown's."""
        self.catalogue = catalogue
        self.clock = clock
        self.partitions = partitions
        self.holdings = Holdings(catalogue.terms)
        self.meters = Meters(ProducerMeters(Attribution(producers)))
        self.progressed_at = monotonic()
        self._changelogs = {family: changelog_name(app_id, family) for family in Family}
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
        partition = message.partition
        async with self._turns[family]:
            result = process(
                cast("Sequence[Record]", message.value),
                self.holdings.states(family, partition),
                family=family,
                partition=partition,
                partitions=self.partitions,
            )
            consumer.assert_lease(message)
            outgoing = [
                *(dead_letter_record(one, now=self.clock.now()) for one in result.refusals),
                *(forward_record(one) for one in result.forwards),
            ]
            writes: list[Any] = []
            if result.changed:
                writes.append(self._write_states(family, partition, result.changed, producer))
            if outgoing:
                writes.append(producer.write_all(outgoing))
            await asyncio.gather(*writes)
            self.holdings.put(family, partition, result.changed)
        consumer.done(message)
        self.meters.count(result)
        self.progressed_at = monotonic()
        if result.refusals:
            first = result.refusals[0]
            logger.warning(
                # Why, and not what: the value that was refused may be a person's.
                "dead letters topic=%s partition=%d count=%d first_offset=%d first_reason=%s",
                message.topic,
                partition,
                len(result.refusals),
                first.record.offset,
                first.error.reason,
            )

    async def rewrite_repaired(self, consumer: BatchConsumer, producer: BatchProducer) -> int:
        """Write again the entities whose last changelog record knows less than their state.

        Returns how many were written: none while it is in doubt whose they are, for it can wait.
        Compaction would otherwise keep the poorer record.
        """
        written = 0
        for family, partition in self.holdings.repairs():
            async with self._turns[family]:
                states = self.holdings.repairs_of(family, partition)
                if states and consumer.lease_doubt(consumer.app.consumer_generation_id) is None:
                    await self._write_states(family, partition, states, producer)
                    self.holdings.repaired(family, partition, states)
                    written += len(states)
        if written:
            logger.warning("rewrote repaired entities count=%d", written)
        return written

    async def check_fold(self) -> int:
        """Derive the fold anew, place by place; count and return the differing series."""
        mismatches = 0
        for family, partition in self.holdings.places():
            mismatches += self.holdings.mismatches(family, partition)
            await asyncio.sleep(0)
        if mismatches:
            self.meters.mismatches += mismatches
            logger.error("the fold differs from its states series=%d", mismatches)
        return mismatches

    def snapshot(
        self, owned: Collection[int], *, ready: bool, lag: Mapping[tuple[str, int], int]
    ) -> Snapshot:
        """Return what /metrics shows now; figures only of owned partitions, once ready."""
        as_of = self.clock.today()
        return Snapshot(
            as_of=as_of,
            ready=ready,
            partitions_expected=self.partitions,
            figures=figures_of(self.holdings.fold, owned if ready else (), as_of),
            entities={str(family): n for family, n in self.holdings.entities().items()},
            lag=lag,
        )

    async def _write_states(
        self,
        family: Family,
        partition: int,
        states: Mapping[str, EntityState],
        producer: BatchProducer,
    ) -> None:
        await producer.write_batch(
            self._changelogs[family],
            partition,
            [(entity.encode(), encode_state(state)) for entity, state in states.items()],
        )
