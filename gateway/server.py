"""The gateway's process: starts, serves until a signal, finishes the requests in progress."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from ssl import SSLContext
from time import monotonic
from typing import Final

import uvicorn

from boundary.errors import SmartRegionError
from boundary.logs import configure_logging
from boundary.settings import variable
from boundary.tracing import OFF, Tracing, start_tracing
from boundary.web import Readiness, probe_routes
from boundary.web import make_app as make_web_app
from boundary.web_server import listen, serving
from catalogue.loader import load_catalogue
from events.producers.model import Producers, load_producers
from events.producers.secrets import Secrets, load_secrets
from events.record_rules import RecordRules
from gateway.admission import Admission
from gateway.app import Gateway, make_app
from gateway.authentication import Authenticator
from gateway.body import BodyReader
from gateway.exposition import GatewayCollector
from gateway.idempotency import IdempotencyStore
from gateway.quota import Quotas
from gateway.reception import Reception
from gateway.settings import GatewaySettings
from gateway.token_map import TokenMap
from gateway.topics_writer import TopicsWriter
from gateway.work_scheduling import WorkScheduler

logger = logging.getLogger(__name__)

FOLLOW_SECONDS: Final = 2.0
"""How often the secrets are read again."""


def run_gateway(settings: GatewaySettings) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit status, 0.

    Requests in progress are answered before it ends. Raises SmartRegionError if it cannot start. An
    unavailable broker is not such an error: the gateway answers 503 until the broker is available.
    """
    configure_logging(settings.log_level, settings.log_format)
    # Configuration errors are raised before anything starts.
    producers = load_producers(settings.producers)
    secrets = load_secrets(settings.gateway_secrets, producers)
    context = settings.server_context()
    tracing = start_tracing("gateway")
    token_map = None if settings.gateway_haproxy is None else TokenMap(settings.gateway_haproxy)
    if token_map is not None:
        token_map.write(secrets)
    with (
        listen(
            settings.gateway_host,
            settings.gateway_port,
            names=(variable("gateway_host"), variable("gateway_port")),
        ) as events,
        listen(
            settings.gateway_probe_host,
            settings.gateway_probe_port,
            names=(variable("gateway_probe_host"), variable("gateway_probe_port")),
        ) as probes,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        runner.run(
            _serve(settings, producers, secrets, token_map, context, (events, probes), tracing)
        )
    tracing.end()
    return 0


async def _serve(
    settings: GatewaySettings,
    producers: Producers,
    secrets: Secrets,
    token_map: TokenMap | None,
    context: SSLContext | None,
    listeners: tuple[socket.socket, socket.socket],
    tracing: Tracing = OFF,
) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    serve = partial(
        serving,
        tls=context,
        idle_seconds=settings.gateway_idle_timeout,
        stop_seconds=settings.gateway_stop_timeout,
    )
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(
            TopicsWriter(
                settings.broker,
                security=settings.security(),
                delivery_seconds=settings.gateway_delivery_timeout,
            )
        )
        gateway = _gateway(settings, producers, secrets, writer, tracing)
        if settings.gateway_secrets is not None:
            following = asyncio.create_task(
                _follow_secrets(
                    settings.gateway_secrets, producers, gateway.authenticator, token_map
                )
            )
            stack.callback(following.cancel)
        probes = probe_routes(
            gateway.exposition, lambda: Readiness(writer.waiting_for), settings.metrics_guard()
        )
        for what, app, listener in zip(
            ("probes", "address"),
            (make_web_app(probes), make_app(gateway)),
            listeners[::-1],
            strict=True,
        ):
            address = await stack.enter_async_context(serve(app, listener))
            logger.info("serving %s=%s", what, address)
        await stopping.wait()
    logger.info("stopped")


async def _follow_secrets(
    file: Path,
    producers: Producers,
    authenticator: Authenticator,
    token_map: TokenMap | None,
) -> None:
    """Use changed secrets without a restart; keep the previous ones while the file is invalid."""
    secrets, seen, reported = Secrets(root={}), (0, 0), ""
    while True:
        try:
            version = _version_of(file)
            if version != seen:
                secrets, seen = load_secrets(file, producers), version
                authenticator.use(secrets)
            if token_map is not None:
                await token_map.publish(secrets)
            reported = ""
        except SmartRegionError as error:
            if str(error) != reported:
                reported = str(error)
                logger.error("secrets are as before: %s", error)  # noqa: TRY400
        await asyncio.sleep(FOLLOW_SECONDS)


def _version_of(file: Path) -> tuple[int, int]:
    """Return a value that changes with the file; a missing file also has one."""
    try:
        found = file.stat()
    except OSError:
        return 0, 1
    return found.st_ino, found.st_mtime_ns


def _gateway(
    settings: GatewaySettings,
    producers: Producers,
    secrets: Secrets,
    writer: TopicsWriter,
    tracing: Tracing,
) -> Gateway:
    scheduler = WorkScheduler()
    rules = RecordRules(
        timedelta(seconds=settings.time_tolerance),
        producers.ownership,
        milestones=load_catalogue(settings.catalogue).known_milestones,
    )
    admission = Admission(producers, now=_now, rules=rules)
    exposition = GatewayCollector(
        [producer.id for producer in producers], is_ready=lambda: writer.waiting_for is None
    )
    return Gateway(
        authenticator=Authenticator(secrets, producers, now=_now),
        quotas=Quotas(producers, clock=monotonic),
        reception=Reception(
            admission, writer.write, exposition, scheduler, now=_now, tracing=tracing
        ),
        exposition=exposition,
        waiting_for=lambda: writer.waiting_for,
        body=BodyReader(seconds=settings.gateway_body_timeout),
        scheduler=scheduler,
        idempotency=IdempotencyStore(now=_now),
        is_behind_haproxy=settings.gateway_haproxy is not None,
        tracing=tracing,
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory if installed: the event loop takes half of a request's time."""
    return uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()


def _now() -> datetime:
    return datetime.now(UTC)
