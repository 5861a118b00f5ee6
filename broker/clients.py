"""Connections to a Kafka broker, with one readable error if none succeeds."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from socket import socket
from threading import Lock
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from kafka.admin import KafkaAdminClient
from kafka.errors import (
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    UnknownBrokerIdError,
    UnknownTopicOrPartitionError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket

from boundary.addresses import shown_address
from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from boundary.terminal import one_line
from broker.errors import BrokerRefusedError, BrokerUnreachableError
from broker.preflight import preflight
from broker.security import PLAINTEXT, BrokerSecurity
from broker.settings import addresses_of

Client = TypeVar("Client")

CONNECT_SECONDS = 10.0
CLOSE_SECONDS: Final = 1.0
_FAILED_ATTEMPT: Final = re.compile(
    r"Bootstrap connection to \S+ failed: (.*?)(?: \(backoff .*\))?$"
)
_NO_LEADER: Final = (
    "a partition has no leader; `kafka-topics.sh --describe --unavailable-partitions` names it"
)

_SOCKETS: Final[WeakKeyDictionary[Any, WeakSet[socket]]] = WeakKeyDictionary()
"""The sockets created by each client's event loop."""


class _DirectConnection(KafkaNetSocket):  # type: ignore[misc] # kafka-python has no types
    """A connection without a proxy that closes its socket if it fails and when its client closes.

    Until garbage collection, kafka-python leaves a socket open if an attempt is refused or too
    late, or if its client is closed before it sends a request.
    """

    SCHEMES = ("direct",)

    async def sock_connect(
        self,
        net: Any,  # noqa: ANN401 - kafka-python has no types
        sock: socket,
        sockaddr: Any,  # noqa: ANN401
        timeout_at: float | None = None,
    ) -> socket:
        """Connect, or close the socket."""
        _SOCKETS.setdefault(net, WeakSet()).add(sock)
        try:
            connected: socket = await super().sock_connect(net, sock, sockaddr, timeout_at)
        except BaseException:  # Also when the client is closed meanwhile.
            sock.close()
            raise
        return connected


class _ClosingClient(KafkaNetClient):  # type: ignore[misc]
    """A client that leaves no socket open."""

    def __init__(self, **config: object) -> None:
        super().__init__(**{**config, "proxy_url": f"{_DirectConnection.SCHEMES[0]}://"})

    def close(self, node_id: int | None = None) -> None:
        """Close the connection to a node, or all of them."""
        super().close(node_id)
        if node_id is None:
            for sock in _SOCKETS.pop(self._net, ()):
                sock.close()


def opened(
    make: Callable[..., Client],
    bootstrap: str,
    *,
    security: BrokerSecurity = PLAINTEXT,
    connect_seconds: float = CONNECT_SECONDS,
    **config: object,
) -> Client:
    """Return a kafka-python client made by `make`, connected to one of the `bootstrap` brokers.

    `bootstrap` is HOST:PORT, several separated by commas. Raises SmartRegionError if it is not,
    BrokerEntryError at once if authentication fails on either side, and BrokerUnreachableError with
    the cause of the last attempt (a refused connection…), which the client itself only logs. Must
    not run in a thread with a running event loop.
    """
    try:
        addresses = addresses_of(bootstrap)
    except ValueError as error:
        raise SmartRegionError(
            f"broker: is not an address, value {shown(shown_address(bootstrap))}: write HOST:PORT,"
            " several separated by commas"
        ) from error
    if security.is_secured:
        asyncio.run(preflight(addresses, security))
    connections: list[KafkaNetClient] = []

    def connection(**config: object) -> KafkaNetClient:
        connections.append(_ClosingClient(**config))
        return connections[-1]

    with _failed_attempts() as causes:
        try:
            return make(
                bootstrap_servers=addresses,
                bootstrap_timeout_ms=int(connect_seconds * 1000),
                kafka_client=connection,
                **security.client_config(),
                **config,
            )
        except (KafkaError, OSError) as error:
            for each in connections:
                each.close()  # A client that failed to start cannot be closed itself.
            if isinstance(error, KafkaConfigurationError):
                raise  # A bug in this program, not a state of the broker.
            raise BrokerUnreachableError(
                bootstrap,
                waited_seconds=connect_seconds,
                cause=causes[-1] if causes else str(error),
                security_protocol=security.security_protocol,
            ) from error


class _AdminClient(KafkaAdminClient):  # type: ignore[misc] # kafka-python has no types
    """An admin client that looks up a group's coordinator each time.

    kafka-python keeps the first one for ever, even if the group has moved to another broker.
    """

    async def _find_coordinator_ids(
        self,
        *arguments: Any,
        **keywords: Any,
    ) -> Any:  # noqa: ANN401
        self._manager.cluster._coordinators.clear()  # noqa: SLF001 - there is no public way
        return await super()._find_coordinator_ids(*arguments, **keywords)


@contextmanager
def administering(
    bootstrap: str,
    *,
    what: str,
    security: BrokerSecurity = PLAINTEXT,
    connect_seconds: float = CONNECT_SECONDS,
) -> Iterator[Any]:
    """Yield kafka-python's admin client; in errors, `what` names the administered things.

    The client's errors inside the context become BrokerRefusedError, SmartRegionError or
    BrokerUnreachableError. Raises the errors of `opened`.
    """
    client = opened(
        _AdminClient,
        bootstrap,
        security=security,
        connect_seconds=connect_seconds,
        request_timeout_ms=int(connect_seconds * 1000),
    )
    with closing(client) as admin:
        try:
            yield admin
        except UnknownTopicOrPartitionError as error:
            # The client calls this retriable, as for a new topic; the command has already retried.
            raise SmartRegionError(
                f"topics: {bootstrap} lacks some of the declared topics or partitions"
                f" ({one_line(str(error))}): create topics with `smart-region topics apply`, or set"
                " SMART_REGION_PARTITIONS and SMART_REGION_APP_ID to those that are there"
            ) from error
        except KafkaError as error:
            # The client looks up the leader -1 of a partition that has none.
            has_leader = not isinstance(error, UnknownBrokerIdError)
            if error.retriable or not has_leader:
                raise BrokerUnreachableError(
                    bootstrap,
                    waited_seconds=connect_seconds,
                    cause=str(error) if has_leader else _NO_LEADER,
                    security_protocol=security.security_protocol,
                ) from error
            raise BrokerRefusedError(
                f"administer {what} at", bootstrap, cause=str(error) or type(error).__name__
            ) from error


def drop_queued(producer: Any) -> None:  # noqa: ANN401 - kafka-python has no types
    """Fail all records that a KafkaProducer has queued.

    Its close() would first wait for them, for ever if no broker answers.
    """
    producer._sender.force_close()  # noqa: SLF001 - the client has no public way


def close_producer(producer: Any, *, drop: bool) -> None:  # noqa: ANN401 - as above
    """Close a KafkaProducer; `drop` first fails its queued records.

    If it does not close in time, its thread continues in the background: raising a timeout would
    hide the error that ended the caller's block.
    """
    if drop:
        drop_queued(producer)
    with suppress(KafkaTimeoutError):
        producer.close(timeout=CLOSE_SECONDS)


class _Muting:
    """Stops a logger's records from propagating while any thread is inside the context.

    Threads open clients concurrently: one must not save the muted state of another as the original.
    """

    def __init__(self, name: str) -> None:
        self.logger = logging.getLogger(name)
        self._lock = Lock()
        self._asking = 0
        self._propagated = True

    def __enter__(self) -> logging.Logger:
        with self._lock:
            if not self._asking:
                self._propagated, self.logger.propagate = self.logger.propagate, False
            self._asking += 1
        return self.logger

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._asking -= 1
            if not self._asking:
                self.logger.propagate = self._propagated


_MUTING: Final = _Muting("kafka")


@contextmanager
def _failed_attempts() -> Iterator[list[str]]:
    """Collect the causes of kafka-python's failed attempts, without logging them."""
    causes: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            attempt = _FAILED_ATTEMPT.match(record.getMessage())
            if attempt:
                causes.append(attempt[1])

    collector = Collector(logging.WARNING)
    with _MUTING as logger:
        logger.addHandler(collector)
        try:
            yield causes
        finally:
            logger.removeHandler(collector)
