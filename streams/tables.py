"""Faust tables over the state store: their recovery merges instead of overwriting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, cast

import faust
from faust import Table
from faust.stores import memory
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.types import TP

from events.fact import Family
from events.topics import changelog_name
from streams.batch_transport import BatchSchema
from streams.changelog_tally import ChangelogTallies
from streams.restoring import RESTORE_STEP, log_unreadable, restore_records
from streams.state_store import StateStore


class EntityStore(memory.Store[str, Any]):
    """The store of one family's table, without data.

    `StateStore` keeps the states by partition, because Faust's memory store keeps the keys of
    revoked partitions.
    """

    mundane_level = "debug"

    def __init__(
        self,
        *args: Any,
        family: Family,
        tallies: ChangelogTallies,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.family = family
        self.tallies = tallies

    def persisted_offset(self, tp: TP) -> int | None:
        """Return the offset of the last changelog record in the states; None for none.

        A recovery reads on from it: the states of a partition that stays with its worker are kept.
        """
        merged = self.tallies.of(self.family, tp.partition).merged
        return merged - 1 if merged else None

    def apply_changelog_batch(
        self,
        batch: Iterable[Any],
        to_key: Callable[[Any], Any],
        to_value: Callable[[Any], Any],
    ) -> None:
        """Do nothing: `EntityTable.on_changelog_event` has merged the records."""


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
            tallies=self.tallies,
            loop=self.loop,
        )

    async def on_changelog_event(self, event: Any) -> None:  # noqa: ANN401 - Faust's event
        """Merge the records of a changelog batch, as `BatchConsumer` yields them.

        It gives way to other tasks regularly: figures of other partitions are shown meanwhile.
        """
        await super().on_changelog_event(event)
        tp, records = event.message.tp, event.value
        recovery = cast("TableManager", self.app.tables).recovery
        if tp not in recovery.active_tps:
            # Revoked since it was read. Faust has noted it as read all the same.
            recovery.revoke(tp)
            return
        key = self.family, tp.partition
        tally = self.tallies.of(*key)
        for start in range(0, len(records), RESTORE_STEP):
            # Another rebalance may have revoked the partition.
            if not self.tallies.has(*key, tally):
                return
            step = records[start : start + RESTORE_STEP]
            for record, error in restore_records(self.state_store, tally, *key, step):
                log_unreadable(record, error)
            await asyncio.sleep(0)

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


class EntityRecovery(Recovery):
    """Faust's recovery, which begins again where a step takes too long."""

    mundane_level = "debug"

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ANN401, ASYNC109 - Faust's
        """Wait for a step of the recovery.

        Faust takes a step that exceeds the timeout for the end of the worker, and recovers nothing
        any more. One lost answer of a broker is enough.
        """
        try:
            await super()._wait(coro, timeout)
        except ServiceStopped:
            if self.should_stop:
                raise
            self.log.warning("a step of the recovery took %s s: it begins again", timeout)
            self.signal_recovery_start.set()
            raise RebalanceAgain from None


class EntityTables(TableManager):
    """The app's tables, without Faust's fixed second at a start.

    It waits in case tables are still declared. Ours are, before the app starts.
    """

    mundane_level = "debug"

    @property
    def recovery(self) -> Recovery:
        """The recovery of the tables."""
        if self._recovery is None:
            self._recovery = EntityRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Register the tables, and recover them."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


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
        # Buffered messages are merged already. Faust reads on after a recovery with a size of 1.
        recovery_buffer_size=2,
    )
    app.tables.add(table)
    return table
