"""The Faust app without tables; nothing exists before `create_app` is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import faust
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from mode.supervisors import CrashingSupervisor

from broker.settings import addresses_of
from events.fact import Family
from events.topics import DEAD_LETTER_MAX_BYTES, topic_name
from streams.batch_transport import BatchConsumer, BatchProducer, BatchSchema, BatchTransport
from streams.commit_metadata import Committed
from streams.decisions import NOTHING_NOTED
from streams.engine import Engine
from streams.partition_snapshots import PartitionSnapshots
from streams.settings import Settings
from streams.topic_faults import topic_ids

_NO_TOPIC: Final = frozenset({""})
#: The timeout of a step after a rebalance allows this many consecutive requests.
_STEP_REQUESTS: Final = 2


class RebalanceEnd(Recovery):
    """Faust's recovery of tables; without tables it only seeks and resumes the streams.

    It starts again if a step takes too long.
    """

    mundane_level = "debug"

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ANN401, ASYNC109 - Faust's
        """Wait for a step.

        If a step exceeds the timeout, Faust assumes that the worker is stopping and never resumes.
        One lost response is enough: Faust allows a step the timeout of one request, and so cancels
        the request before it times out. Only a timeout makes the client close a dead connection.
        """
        if timeout is not None:
            timeout *= _STEP_REQUESTS
        try:
            await super()._wait(coro, timeout)
        except ServiceStopped:
            if self.should_stop:
                raise
            self.log.warning("a step after a rebalance took %s s: it begins again", timeout)
            self.signal_recovery_start.set()
            raise RebalanceAgain from None


class NoTables(TableManager):
    """The app's tables: none."""

    mundane_level = "debug"

    @property
    def changelog_topics(self) -> set[str]:
        """Return a topic that does not exist.

        With any topic, Faust uses its own assignor, which is sticky and assigns a partition number
        to the same worker for all topics.
        """
        return set(_NO_TOPIC)

    @property
    def recovery(self) -> Recovery:
        """The service that resumes the streams after a rebalance."""
        if self._recovery is None:
            self._recovery = RebalanceEnd(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start without the second in which Faust waits for tables to be declared."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


_BUFFERED_BATCHES = 4
#: The write batches of a partition are sent one at a time, so they are large: a little below a
#: topic's default limit (1 MiB).
_WRITE_BATCH_BYTES = 1000 * 1024


class _App(faust.App):
    """Faust's app, reporting a failure of any of its services at once."""

    on_failure: Callable[[BaseException], object]

    def _create_directories(self) -> None:
        """Create no folders: the state is in memory, and the file system may be read-only."""

    def on_rebalance_end(self) -> None:
        """End the rebalance, unless the next one has begun.

        The end of a rebalance may overlap the beginning of the next one, which clears the queues:
        batches read in between would be lost.
        """
        if cast("BatchConsumer", self.consumer).is_sought(self.consumer_generation_id):
            super().on_rebalance_end()

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        self.on_failure(reason)


def create_app(
    settings: Settings,
    engine: Engine,
    *,
    on_failure: Callable[[BaseException], object],
    transport: type[BatchTransport] = BatchTransport,
    noted: Mapping[tuple[str, int], Committed] = NOTHING_NOTED,
) -> faust.App:
    """Return the app: one agent per family.

    `on_failure` is called with each failure, in the thread of the failure. The process must end
    at the first one: Faust's own stop takes seconds. `noted` are earlier commits, for partitions of
    which the group no longer has one.
    """
    app = _App(
        settings.app_id,
        broker=[f"kafka://{address}" for address in addresses_of(settings.broker)],
        broker_credentials=_credentials(settings),
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.heartbeat_interval,
        broker_request_timeout=settings.request_timeout,
        broker_commit_interval=settings.commit_interval,
        broker_max_poll_records=settings.max_poll_records,
        # A position outside the log must be checked: the client would silently reset it.
        consumer_auto_offset_reset="none",
        consumer_max_fetch_size=4 * 1024 * 1024,
        producer_acks=-1,
        producer_linger=0,
        producer_max_batch_size=_WRITE_BATCH_BYTES,
        # A dead letter contains the refused record, of any accepted size, and the reason.
        producer_max_request_size=DEAD_LETTER_MAX_BYTES,
        producer_request_timeout=settings.request_timeout,
        processing_guarantee="at_least_once",
        # A revocation waits for the batch in progress, and commits it.
        stream_wait_empty=True,
        stream_buffer_maxsize=_BUFFERED_BATCHES,
        store="memory://",
        TableManager=NoTables,
        table_standby_replicas=0,
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication,
        # Topics are declared in `events.topics` and created by `smart-region topics apply`.
        topic_allow_declare=False,
        topic_disable_leader=True,
        # `boundary.web` serves /metrics, /healthz and /readyz: Faust's server has pages with data.
        web_enabled=False,
        agent_supervisor=CrashingSupervisor,
    )
    app.on_failure = on_failure
    folder, ids = settings.snapshots, partial(topic_ids, settings)
    app.transport = transport(
        app.conf.broker_consumer,
        app,
        state_store=engine.state_store,
        rules=engine.rules_fingerprint,
        accepted=engine.accepted,
        noted=noted,
        snapshots=None if folder is None else PartitionSnapshots(folder, engine, ids),
    )
    for family in Family:
        topic = app.topic(topic_name(family), schema=BatchSchema(), allow_empty=True)
        app.agent(topic, name=f"{family}-agent", concurrency=1)(_agent(app, family, engine))
    app.on_rebalance_complete.connect(_finishing(app), weak=False)
    return app


def _finishing(app: faust.App) -> Callable[..., Awaitable[None]]:
    async def finish(*_: Any, **__: Any) -> None:
        # Faust sends the signal before it seeks the partitions.
        consumer = cast("BatchConsumer", app.consumer)
        if not consumer.assignment():
            consumer.finish_empty()

    return finish


def _agent(app: faust.App, family: Family, engine: Engine) -> Callable[[Any], Awaitable[None]]:
    async def process_batches(stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        # No automatic acknowledgement: Faust would acknowledge a failed batch.
        async for event in stream.noack().events():
            consumer = cast("BatchConsumer", app.consumer)
            producer = cast("BatchProducer", app.producer)
            await engine.process_batch(family, event.message, consumer, producer)

    return process_batches


def _credentials(settings: Settings) -> Any:  # noqa: ANN401 - one of Faust's two classes
    security = settings.security()
    context = security.ssl_context()
    if security.uses_sasl:
        return faust.SASLCredentials(
            username=security.sasl_username,
            password=security.password(),
            mechanism=security.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None
