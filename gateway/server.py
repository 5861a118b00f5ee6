"""The gateway's process: starts, serves until a signal, finishes the requests in progress."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ssl import SSLContext
from time import monotonic

import uvicorn
from starlette.types import ASGIApp

from boundary.logs import configure_logging
from boundary.serving import AddressInUseError
from catalogue.loader import load_catalogue
from events.producers.loader import load_producers
from events.producers.model import Producers
from events.producers.secrets import Secrets, load_secrets
from events.record_rules import RecordRules
from gateway.acceptor import (
    PROBE_CONNECTIONS,
    AcceptedConnection,
    Acceptor,
    ConnectionLimits,
    provide_descriptors,
)
from gateway.admission import Admission
from gateway.app import Gateway, make_app, probes_of
from gateway.authentication import Authenticator
from gateway.body import BodyReader
from gateway.client_address import ClientAddresses
from gateway.exposition import GatewayCollector
from gateway.http_binding import LARGEST_HEADERS
from gateway.idempotency import IdempotencyStore
from gateway.protocol import GatewayProtocol, busy_answer, protocol_with
from gateway.quota import Quotas
from gateway.reception import Reception
from gateway.settings import GatewaySettings
from gateway.topics_writer import TopicsWriter, WriteTimeouts
from gateway.work_scheduling import WorkScheduler

logger = logging.getLogger(__name__)


def run_gateway(settings: GatewaySettings) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit status, 0.

    Requests in progress are answered before it ends. Raises SmartRegionError where it cannot start.
    An unavailable broker is no such error: the gateway answers 503 until it is available.
    """
    configure_logging(settings.log_level, settings.log_format)
    # It warns of each malformed request: anybody could fill the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # Mistakes in the configuration are reported before anything starts.
    producers = load_producers(settings.producers)
    secrets = load_secrets(settings.gateway_secrets, producers)
    context = settings.server_context()
    provide_descriptors(settings.gateway_connections)
    with (
        _listening("gateway", settings.gateway_host, settings.gateway_port) as events,
        _listening(
            "gateway_probe", settings.gateway_probe_host, settings.gateway_probe_port
        ) as probes,
    ):
        # uvicorn raises the signal that stopped it again; here that must not kill the process.
        # One that comes before counts too: the first look at the broker may take seconds.
        asked: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: asked.append(number))
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, producers, secrets, context, (events, probes), asked))
    return 0


async def _serve(
    settings: GatewaySettings,
    producers: Producers,
    secrets: Secrets,
    context: SSLContext | None,
    listeners: tuple[socket.socket, socket.socket],
    asked: Sequence[int] = (),
) -> None:
    async with TopicsWriter(
        settings.broker,
        security=settings.security(),
        timeouts=WriteTimeouts(delivery=settings.gateway_delivery_timeout),
    ) as writer:
        gateway = _gateway(settings, producers, secrets, writer)
        scheme = "http" if context is None else "https"
        for what, listener in zip(("address", "probes"), listeners, strict=True):
            host, port = listener.getsockname()[:2]
            logger.info("serving %s=%s://%s:%s", what, scheme, host, port)
        await _Server(settings, gateway, context, asked).serve(sockets=list(listeners))
    logger.info("stopped")


def _gateway(
    settings: GatewaySettings, producers: Producers, secrets: Secrets, writer: TopicsWriter
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
        reception=Reception(admission, writer, exposition, scheduler, now=_now),
        exposition=exposition,
        waiting_for=lambda: writer.waiting_for,
        body=BodyReader(seconds=settings.gateway_body_timeout),
        scheduler=scheduler,
        idempotency=IdempotencyStore(now=_now),
        addresses=ClientAddresses(settings.gateway_trusted_proxies),
        metrics_guard=settings.metrics_guard(),
    )


class _Server(uvicorn.Server):
    """uvicorn's server with the connections of `gateway.acceptor`."""

    def __init__(
        self,
        settings: GatewaySettings,
        gateway: Gateway,
        context: SSLContext | None,
        asked: Sequence[int] = (),
    ) -> None:
        """`asked` are the signals to stop that came before it serves."""
        self._asked = asked
        self._settings = settings
        self._context = context
        self._count = gateway.exposition.count_early_close
        self._addresses = gateway.addresses
        app = make_app(gateway)
        self._probe_config = self._config(probes_of(app))
        super().__init__(self._config(app))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept from the listener of events and from that of probes."""
        events, probes = sockets or []
        settings = self._settings
        total, per_network = settings.gateway_connections, settings.gateway_connections_per_address
        self.servers = [
            self._acceptor(events, self.config, total, per_network),  # type: ignore[list-item]
            self._acceptor(probes, self._probe_config, PROBE_CONNECTIONS, PROBE_CONNECTIONS),  # type: ignore[list-item]
        ]
        self.started = True
        self.should_exit = self.should_exit or bool(self._asked)

    def _acceptor(
        self, listener: socket.socket, config: uvicorn.Config, total: int, per_network: int
    ) -> Acceptor:
        if not config.loaded:
            config.load()
        loop = asyncio.get_running_loop()

        def protocol(connection: AcceptedConnection) -> GatewayProtocol:
            made: GatewayProtocol = config.http_protocol_class(  # type: ignore[assignment, call-arg]
                config=config,
                server_state=self.server_state,
                app_state=connection.state,
                _loop=loop,
            )
            made.connection = connection
            return made

        limits = ConnectionLimits(
            total, per_network, self._settings.gateway_header_timeout, busy_answer()
        )
        return Acceptor(
            listener,
            limits,
            protocol,
            addresses=self._addresses,
            context=self._context,
            count=self._count,
        )

    def _config(self, app: ASGIApp) -> uvicorn.Config:
        settings = self._settings
        return uvicorn.Config(
            app,
            http=protocol_with(
                header_seconds=settings.gateway_header_timeout,
                body_seconds=settings.gateway_body_timeout,
                max_headers=LARGEST_HEADERS,
            ),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=settings.gateway_idle_timeout,
            timeout_graceful_shutdown=settings.gateway_stop_timeout,
        )


def _listening(what: str, host: str, port: int) -> socket.socket:
    """Bind the address, so that a conflict is reported before anything starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise AddressInUseError(
            (host, port), host=f"{what}_host", port=f"{what}_port", cause=error
        ) from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's where it is installed: the loop takes half of a request's time."""
    return uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()


def _now() -> datetime:
    return datetime.now(UTC)
