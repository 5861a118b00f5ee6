"""Faust tables over the state store: their recovery merges instead of overwriting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, cast

import faust
from faust import Table
from faust.stores import memory
from faust.tables.manager import TableManager

from events.registry import Family
from events.topics import changelog_name
from streams.batch_transport import BatchSchema
from streams.changelog_tally import ChangelogTallies
from streams.state_store import StateStore

__all__ = ["EntityStore", "EntityTable", "entity_table"]

logger = logging.getLogger(__name__)


class EntityStore(memory.Store[str, Any]):
    """The store of one family's table: it restores changelog records into the state store.

    `StateStore` keeps the states by partition, because Faust's memory store keeps the keys of
    revoked partitions.
    """

    mundane_level = "debug"

    def __init__(
        self,
        *args: Any,
        family: Family,
        state_store: StateStore,
        tallies: ChangelogTallies,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.family = family
        self.state_store = state_store
        self.tallies = tallies

    def apply_changelog_batch(
        self,
        batch: Iterable[Any],
        to_key: Callable[[Any], Any],  # noqa: ARG002 - Faust's signature
        to_value: Callable[[Any], Any],  # noqa: ARG002
    ) -> None:
        """Merge the records of changelog batches, as `BatchConsumer` yields them."""
        for event in batch:
            for record in event.value:
                key = self.family, record.partition
                self.tallies.of(*key).read(record.offset, record.key, record.value, record.headers)
                error = self.state_store.restore(*key, record.key, record.value, record.timestamp)
                if error is not None:
                    logger.error(
                        "unreadable state topic=%s partition=%d offset=%d error=%s",
                        record.topic,
                        record.partition,
                        record.offset,
                        type(error).__name__,
                    )


class EntityTable(Table[str, Any]):
    """One family's table: Faust's changelog and recovery, and the data of `StateStore`."""

    mundane_level = "debug"

    def __init__(
        self,
        app: faust.App,
        *,
        family: Family,
        state_store: StateStore,
        tallies: ChangelogTallies,
        **kwargs: Any,
    ) -> None:
        self.family = family
        self.state_store = state_store
        self.tallies = tallies
        super().__init__(app, **kwargs)

    def _new_store(self) -> EntityStore:
        return EntityStore(
            "memory://",
            self.app,
            self,
            table_name=self.name,
            family=self.family,
            state_store=self.state_store,
            tallies=self.tallies,
            loop=self.loop,
        )

    async def on_rebalance(
        self,
        assigned: set[Any],
        revoked: set[Any],
        newly_assigned: set[Any],
        generation_id: int = 0,
    ) -> None:
        """Drop revoked partitions, so that a later assignment restores them from the beginning."""
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        changelog = self.changelog_topic.get_topic_name()
        for tp in revoked:
            if tp.topic == changelog:
                # Faust drops this offset too, but not when one rebalance follows another at once:
                # it would then continue from it, without the dropped state.
                cast("TableManager", self.app.tables).recovery.revoke(tp)
                self.state_store.drop(self.family, tp.partition)
                self.tallies.drop(self.family, tp.partition)


def entity_table(
    app: faust.App, family: Family, state_store: StateStore, tallies: ChangelogTallies
) -> EntityTable:
    """Add the table of one family to the app and return it."""
    changelog = app.topic(
        changelog_name(app.conf.id, family),
        schema=BatchSchema(),
        partitions=app.conf.topic_partitions,
        compacting=True,
        acks=False,
        internal=True,
        allow_empty=True,
    )
    table = EntityTable(
        app,
        family=family,
        state_store=state_store,
        tallies=tallies,
        name=str(family),
        changelog_topic=changelog,
        partitions=app.conf.topic_partitions,
        # One message is a whole poll, which is applied at once.
        recovery_buffer_size=1000,
    )
    app.tables.add(table)
    return table
