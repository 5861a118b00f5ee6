"""Detects that a broker no longer answers a program that follows topics."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final, Protocol

from broker.addresses import addresses_of
from broker.errors import BrokerUnreachableError
from broker.preflight import preflight
from broker.security import PLAINTEXT, BrokerSecurity

PROBE_INTERVAL_SECONDS: Final = 10.0
PROBE_TIMEOUT_SECONDS: Final = 5.0
_CAUSE: Final = (
    "the leader of some partition does not answer; `kafka-topics.sh --describe"
    " --unavailable-partitions` names those without one"
)


class _Answering(Protocol):
    def answers(self, *, wait_seconds: float) -> bool:
        """Return whether every leader answers in time."""


class AnswerWatch:
    """Probes a broker from time to time while it sends no records.

    An empty poll does not reveal an unreachable broker: the client retries by itself.
    """

    def __init__(
        self, reader: _Answering, bootstrap: str, *, security: BrokerSecurity = PLAINTEXT
    ) -> None:
        """`security` is that of the reader's client."""
        self._reader = reader
        self._bootstrap = bootstrap
        self._security = security
        self._received_at = self._probed_at = monotonic()

    def check(self, *, received: bool, timeout: float) -> None:
        """Note a poll, and whether it received records.

        Raises BrokerUnreachableError if the broker has not answered for `timeout` seconds,
        BrokerEntryError if it refuses this client.
        """
        now = monotonic()
        if received:
            self._received_at = self._probed_at = now
        elif now - self._probed_at >= PROBE_INTERVAL_SECONDS:
            if self._reader.answers(wait_seconds=PROBE_TIMEOUT_SECONDS):
                self._received_at = self._probed_at = monotonic()
                return
            asyncio.run(preflight(addresses_of(self._bootstrap), self._security))
            self._probed_at = monotonic()
            waited = self._probed_at - self._received_at
            if waited > timeout:
                raise BrokerUnreachableError(
                    self._bootstrap,
                    waited_seconds=waited,
                    cause=_CAUSE,
                    security_protocol=self._security.security_protocol,
                )
