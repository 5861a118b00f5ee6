"""Faust's tables over the state store: what a recovery merges and a rebalance drops."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import faust
import pytest
from faust.tables.recovery import RebalanceAgain, ServiceStopped

from events.fact import Family
from events.topics import changelog_name
from streams.engine import Engine
from streams.restoring import RESTORE_STEP
from streams.state import EMPTY, EntityState, encode_state
from streams.tables import EntityTable
from tests.support.group_member import (
    APP_ID,
    GENERATION,
    PolledRecord,
    build_app,
    build_engine,
    changelog,
    consumer_of,
    topic,
)
from tests.support.histories import event, state_of, uai

PARIS = uai("0750001")
SCHOOLS = Family.SCHOOLS
CONNECTED = [event("school.connected", PARIS, day) for day in ("2018-03-01", "2018-04-01")]
OLD, NEW = state_of(CONNECTED[0]), state_of(*CONNECTED)


def worker() -> tuple[faust.App, Engine]:
    """Return an app that is not started, and its engine."""
    engine = build_engine()
    app = build_app(engine)
    app.consumer_generation_id = GENERATION
    consumer_of(app)
    return app, engine


def table_of(app: faust.App, family: Family) -> EntityTable:
    """Return a family's table."""
    return cast("EntityTable", cast("Any", app.tables)[str(family)])


def reported(*records: tuple[str, EntityState | None], partition: int = 0) -> Any:  # noqa: ANN401
    """Return the event of one changelog poll."""
    return SimpleNamespace(
        message=SimpleNamespace(tp=changelog(SCHOOLS, partition)),
        value=[
            PolledRecord(
                changelog(SCHOOLS).topic,
                partition,
                offset,
                entity.encode(),
                None if state is None else encode_state(state),
            )
            for offset, (entity, state) in enumerate(records)
        ],
    )


async def restore(app: faust.App, *polls: Any) -> None:
    """Restore changelog polls of assigned partitions, as Faust's recovery does."""
    recovery = cast("Any", app.tables).recovery
    for poll in polls:
        recovery.active_tps.add(poll.message.tp)
        await table_of(app, SCHOOLS).on_changelog_event(poll)


class TestSteps:
    """A step of a recovery: a request to the broker, with a timeout."""

    def test_a_step_without_an_answer_lets_the_recovery_begin_again(self) -> None:
        """Faust takes its timeout for the end of the worker, which then waits for ever."""

        async def unanswered() -> bool:
            app, _ = worker()
            recovery = cast("Any", app.tables).recovery
            with pytest.raises(RebalanceAgain):
                await recovery._wait(asyncio.Event().wait(), timeout=0.01)
            return bool(recovery.signal_recovery_start.is_set())

        assert asyncio.run(unanswered())

    def test_the_end_of_the_worker_ends_the_recovery(self) -> None:
        """Not every stop is a timeout."""

        async def stopped() -> bool:
            app, _ = worker()
            recovery = cast("Any", app.tables).recovery
            recovery._stopped.set()
            with pytest.raises(ServiceStopped):
                await recovery._wait(asyncio.Event().wait(), timeout=5)
            return bool(recovery.signal_recovery_start.is_set())

        assert not asyncio.run(stopped())


class TestStart:
    """What happens before the first recovery."""

    def test_does_not_wait_for_tables_that_are_declared_late(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Faust sleeps for a second there, during which a restarted worker shows nothing."""
        done: list[str] = []

        async def note(what: str) -> None:
            done.append(what)

        async def scene() -> None:
            app, _ = worker()
            tables = cast("Any", app.tables)
            monkeypatch.setattr(tables, "sleep", lambda _: note("slept"))
            monkeypatch.setattr(tables, "_update_channels", lambda: note("registered"))
            monkeypatch.setattr(tables.recovery, "start", lambda: note("recovery"))
            await tables.on_start()

        asyncio.run(scene())
        assert done == ["registered", "recovery"]


class TestRecovery:
    """The state of the changelog, restored."""

    def test_takes_every_record_of_a_poll(self) -> None:
        """Each into its own partition."""

        async def scene() -> None:
            app, engine = worker()

            await restore(app, reported((PARIS, OLD)), reported(("other", NEW), partition=2))

            assert dict(engine.state_store.states(SCHOOLS, 0)) == {PARIS: OLD}
            assert dict(engine.state_store.states(SCHOOLS, 2)) == {"other": NEW}

        asyncio.run(scene())

    def test_events_are_read_again_where_a_state_held_what_is_of_the_future(self) -> None:
        """What it had won over is only in the topic of events."""

        async def scene() -> None:
            app, engine = worker()
            ahead = event("school.connected", PARIS, "2018-03-01", at="2999-01-01T00:00:00")

            await restore(app, reported((PARIS, state_of(ahead))))

            assert dict(engine.state_store.states(SCHOOLS, 0)) == {}
            assert cast("Any", app.transport).to_reprocess() == [topic(SCHOOLS)]

        asyncio.run(scene())

    def test_merges_instead_of_taking_the_last(self) -> None:
        """A worker that had lost the partition may have written the last record."""

        async def scene() -> None:
            app, engine = worker()

            await restore(app, reported((PARIS, NEW), (PARIS, OLD)))

            assert dict(engine.state_store.states(SCHOOLS, 0)) == {PARIS: NEW}
            assert engine.state_store.repairs_of(SCHOOLS, 0) == {PARIS: NEW}

        asyncio.run(scene())

    def test_a_record_without_a_value_ends_a_state(self) -> None:
        """An erased entity is removed; its state is that of later events only."""

        async def scene() -> None:
            app, engine = worker()

            await restore(app, reported((PARIS, NEW), (PARIS, None)))
            assert dict(engine.state_store.states(SCHOOLS, 0)) == {}

            await restore(app, reported((PARIS, OLD)))
            assert dict(engine.state_store.states(SCHOOLS, 0)) == {PARIS: OLD}

        asyncio.run(scene())

    def test_gives_way_to_other_tasks(self) -> None:
        """The figures of other partitions are shown meanwhile."""

        async def scene() -> None:
            app, engine = worker()
            poll = reported(*((f"{number}", NEW) for number in range(2 * RESTORE_STEP)))

            restoring = asyncio.create_task(restore(app, poll))
            await asyncio.sleep(0)

            assert len(engine.state_store.states(SCHOOLS, 0)) == RESTORE_STEP
            await restoring
            assert len(engine.state_store.states(SCHOOLS, 0)) == 2 * RESTORE_STEP

        asyncio.run(scene())

    def test_ends_where_the_partition_is_revoked_meanwhile(self) -> None:
        """Its states are another worker's."""

        async def scene() -> None:
            app, engine = worker()
            poll = reported(*((f"{number}", NEW) for number in range(2 * RESTORE_STEP)))

            restoring = asyncio.create_task(restore(app, poll))
            await asyncio.sleep(0)
            await rebalance(app, {changelog(SCHOOLS, 0)})
            await restoring

            assert dict(engine.state_store.states(SCHOOLS, 0)) == {}
            assert table_of(app, SCHOOLS).persisted_offset(changelog(SCHOOLS, 0)) is None

        asyncio.run(scene())

    def test_ignores_what_was_read_of_a_partition_that_is_not_assigned(self) -> None:
        """A later recovery of it must begin at the first record."""

        async def scene() -> None:
            app, engine = worker()
            recovery = cast("Any", app.tables).recovery
            away = changelog(SCHOOLS, 0)
            recovery.active_offsets[away] = 7

            await table_of(app, SCHOOLS).on_changelog_event(reported((PARIS, NEW)))

            assert dict(engine.state_store.states(SCHOOLS, 0)) == {}
            assert away not in recovery.active_offsets
            assert table_of(app, SCHOOLS).persisted_offset(away) is None

        asyncio.run(scene())

    def test_reads_on_after_what_is_merged(self) -> None:
        """Of a partition that stays with its worker: what it wrote itself is not read again."""

        async def scene() -> None:
            app, engine = worker()
            table, log = table_of(app, SCHOOLS), changelog(SCHOOLS, 0)
            await restore(app, reported((PARIS, OLD), (PARIS, NEW)))
            assert table.persisted_offset(log) == 1
            tally = engine.tallies.of(SCHOOLS, 0)
            planned = tally.plan([(b"a", b"1"), (b"b", b"2")])
            tally.record_write(planned, 4, topic=log.topic, partition=0)

            await cast("Any", app.tables).recovery.on_rebalance({log}, set(), set(), GENERATION)

            assert table.persisted_offset(log) == 3

        asyncio.run(scene())


class TestRebalance:
    """Partitions that come and go."""

    def test_drops_the_state_of_a_lost_partition(self) -> None:
        """And of no other: its new owner counts it now."""

        async def scene() -> None:
            app, engine = worker()
            for partition in (0, 1):
                engine.state_store.recover(SCHOOLS, partition, PARIS, NEW)
            engine.state_store.recover(Family.GRANTS, 0, "grant", EMPTY)

            await rebalance(app, {changelog(SCHOOLS, 0), topic(Family.GRANTS, 0)})

            assert dict(engine.state_store.states(SCHOOLS, 0)) == {}
            assert dict(engine.state_store.states(SCHOOLS, 1)) == {PARIS: NEW}
            assert (Family.GRANTS, 0) in engine.state_store.partitions()

        asyncio.run(scene())

    def test_restores_a_lost_partition_from_the_beginning(self) -> None:
        """Also where one rebalance overtakes another, when Faust itself would go on from before."""

        async def scene() -> None:
            app, _ = worker()
            recovery = cast("Any", app.tables).recovery
            for partition in (0, 1):
                recovery.active_offsets[changelog(SCHOOLS, partition)] = 500

            await rebalance(app, {changelog(SCHOOLS, 0)}, generation=GENERATION - 1)

            assert changelog(SCHOOLS, 0) not in recovery.active_offsets
            assert recovery.active_offsets[changelog(SCHOOLS, 1)] == 500

        asyncio.run(scene())


async def rebalance(app: faust.App, revoked: set[Any], *, generation: int = GENERATION) -> None:
    """Notify the tables of a rebalance, as Faust does: each table, then the recovery."""
    for family in Family:
        await table_of(app, family).on_rebalance(set(), revoked, set(), generation)
    if generation != cast("Any", app).consumer_generation_id:
        await cast("Any", app.tables).recovery.on_rebalance(set(), revoked, set(), generation)


def test_each_family_has_a_changelog_of_its_own() -> None:
    """Compacted, declared elsewhere, and read without acknowledgements."""

    async def scene() -> None:
        app, _ = worker()
        for family in Family:
            log = table_of(app, family).changelog_topic
            assert log.get_topic_name() == changelog_name(APP_ID, family)
            assert log.compacting
            assert not log.acks
        assert len(app.tables) == len(Family)

    asyncio.run(scene())
