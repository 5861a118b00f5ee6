"""The worker process: starts, runs until a signal or a failure, and ends with a reason."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from time import monotonic
from typing import Any

from boundary.garbage import tune_garbage_collection
from boundary.logs import configure_logging, log_end
from boundary.tracing import start_tracing
from boundary.web import make_app, probe_routes, serve
from broker.topic_admin import verify_topics
from catalogue.loader import load_catalogue
from events.producers.model import load_producers
from events.topics import declared_topics
from streams.app import create_app
from streams.batch_transport import BatchTransport
from streams.decisions import read_decisions
from streams.engine import Engine
from streams.exposition import WorkerCollector
from streams.membership import Membership
from streams.queries.serving import HistoriesResponder, histories_route
from streams.settings import Settings
from streams.topic_faults import topic_ids
from streams.topic_watch import KnownTopics, TopicWatch
from streams.watchdog import DENIALS, NotAllowedError, Watchdog

logger = logging.getLogger(__name__)

#: The interval between two checks of logs that have lost no records.
LOG_INTERVAL_SECONDS = 30.0
#: The maximum share of time spent on checking the folds.
CHECK_SHARE = 0.01
#: The timeout of a stop. Cutting it short loses nothing: the state is on the broker.
STOP_SECONDS = 8.0
#: The timeout of the snapshots that a stop writes first.
SNAPSHOTS_SECONDS = 5.0


def run_worker(settings: Settings, *, transport: type[BatchTransport] = BatchTransport) -> int:
    """Run a worker until SIGTERM or SIGINT; return the exit status.

    The status is 0 after a signal. A failure ends the process at once, with status 1 and its reason
    in the log. Raises a SmartRegionError if the worker cannot start.
    """
    configure_logging(settings.log_level, settings.log_format)
    tune_garbage_collection()
    # Configuration errors are raised before anything starts.
    catalogue = load_catalogue(settings.catalogue)
    producers = load_producers(settings.producers)
    tracing = start_tracing("worker")
    verify_topics(
        settings.broker,
        declared_topics(partitions=settings.partitions, replication=settings.replication),
        security=settings.security(),
        tolerate=lambda error: logger.warning("topic setting: %s", error),
        wait_seconds=settings.stall_timeout,
    )
    decisions = read_decisions(settings.broker, security=settings.security())
    engine = Engine(
        catalogue,
        settings.make_clock(),
        partitions=settings.partitions,
        producers=producers,
        skipped=decisions.skipped,
        accepted=decisions.losses,
        rules=settings.record_rules(),
    )
    engine.tracing = tracing
    ids = topic_ids(settings)
    known_topics = KnownTopics(settings, decisions.topics, decisions.noted_of(ids))
    known_topics.look(ids)
    return asyncio.run(_run(settings, engine, transport, known_topics))


async def _run(
    settings: Settings,
    engine: Engine,
    transport: type[BatchTransport],
    known_topics: KnownTopics,
) -> int:
    loop = asyncio.get_running_loop()
    # The result is None after a signal, else the first failure.
    ended: asyncio.Future[BaseException | None] = loop.create_future()

    def end(reason: BaseException | None = None) -> None:
        if not ended.done():
            ended.set_result(reason)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    # Faust's consumer has its own thread.
    app = create_app(
        settings,
        engine,
        on_failure=partial(loop.call_soon_threadsafe, end),
        transport=transport,
        noted=known_topics.noted,
    )
    membership = Membership(
        app, engine, lambda: read_decisions(settings.broker, security=settings.security()).losses
    )
    exposition = WorkerCollector(
        engine.catalogue, engine.state_store, engine.meters, membership.status
    )
    histories = histories_route(
        HistoriesResponder(engine.state_store, membership.ownership, settings.partitions),
        settings.histories_guard(),
        host=settings.http_host,
    )
    probes = probe_routes(exposition, membership.readiness, settings.metrics_guard())
    async with serve(
        make_app([*probes, histories]),
        host=settings.http_host,
        port=settings.http_port,
        tls=settings.server_context(),
    ) as address:
        logger.info("serving address=%s", address)
        starting, *background = [
            asyncio.create_task(_or_end(work, end))
            for work in (
                app.start(),
                Watchdog(settings, membership).run(),
                TopicWatch(settings, membership, known_topics).run(),
                _look_at_logs(membership),
                _check_folds(settings, membership),
                _keep_snapshots(membership),
            )
        ]
        failure = await ended
        if failure is not None:
            _end_now(failure)
        logger.info("stopping reason=signal")
        for task in background:
            task.cancel()
        keeping = asyncio.create_task(membership.consumer.keep_snapshots(is_end=True))
        await asyncio.wait([keeping], timeout=SNAPSHOTS_SECONDS)
        await _stop(app.stop())
        starting.cancel()
    engine.tracing.end()
    logger.info("stopped reason=signal")
    # Faust's threads may outlive its stop; the offsets are committed and the producer is flushed.
    _exit(0)
    return 0


async def _keep_snapshots(membership: Membership) -> None:
    """Write the snapshots that are due, each second."""
    while True:
        await asyncio.sleep(1.0)
        await membership.consumer.keep_snapshots()


async def _stop(stop: Coroutine[Any, Any, None]) -> None:
    """Wait for a stop, for STOP_SECONDS at most; one that fails or stalls loses nothing.

    A stalled stop is not cancelled: while it waits for batches, Faust ignores cancellation.
    """
    task = asyncio.create_task(stop)
    await asyncio.wait([task], timeout=STOP_SECONDS)
    if not task.done():
        logger.warning("stop cut short after %.0f s; nothing is lost", STOP_SECONDS)
    elif not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("stop failed; nothing is lost cause=%r", error)


async def _or_end(work: Coroutine[Any, Any, None], end: Callable[[BaseException], None]) -> None:
    try:
        await work
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - any failure ends the process
        end(error)


async def _look_at_logs(membership: Membership) -> None:
    """Check regularly whether the logs of events have lost records; each second if one has."""
    looked_at = monotonic()
    while True:
        await asyncio.sleep(1.0)
        if membership.consumer.faults or monotonic() - looked_at >= LOG_INTERVAL_SECONDS:
            looked_at = monotonic()
            await membership.look_at_logs()


async def _check_folds(settings: Settings, membership: Membership) -> None:
    """Check the folds regularly, less often if many entities make a check slow."""
    pause = settings.self_check_interval
    while True:
        await asyncio.sleep(pause)
        if membership.waiting_for() is not None:
            pause = 1.0
            continue
        began = monotonic()
        await membership.engine.check_fold()
        pause = max(settings.self_check_interval, (monotonic() - began) / CHECK_SHARE)


def _end_now(error: BaseException) -> None:
    """Log the reason and end at once: an orderly stop could commit unfinished batches."""
    # A failed write has the missing right as its cause.
    if isinstance(error, DENIALS) or isinstance(error.__cause__, DENIALS):
        error = NotAllowedError(error)
    log_end(logger, error)
    _exit(1)


def _exit(status: int) -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
