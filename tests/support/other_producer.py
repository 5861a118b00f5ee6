"""A well-behaved producer, and a probe of the process, while a gateway is attacked."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import groupby
from statistics import median
from time import monotonic
from typing import Self

from events.signing import SigningSecret
from tests.support.gateway import STRUCTURED, event, signed
from tests.support.gateways import Gateway
from tests.support.waiting import wait_until

PAUSE_SECONDS = 0.05
"""Between two requests, so that it is no load of its own."""
REQUEST_SECONDS = 15.0
SERVED_SECONDS = 60.0
RESTARTING = 3
"""Probes that fail in a row before Kubernetes restarts a container."""


class OtherProducer:
    """Sends events and probes /healthz, each in a thread of its own, in a context.

    Events go over a connection that is kept and over new ones, in turn; a probe always makes a new
    one, as a kubelet does. Every first answer counts: nothing is sent again. Call `keep_going`
    during the attack; leaving the context without an error calls `assert_unharmed`.
    """

    def __init__(
        self,
        gateway: Gateway,
        token: str,
        *,
        signs: SigningSecret | None = None,
        probe: str = "/healthz",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take the gateway and a producer's token, or the secret with which it signs instead.

        `tls` is the context for a gateway that serves TLS.
        """
        self.waits: list[float] = []
        """Seconds to each answer of 202."""
        self.probes: list[float] = []
        """Seconds to each answer of 200 to a probe."""
        self.lost: list[str] = []
        """Every other answer and every error."""
        self._port = gateway.port
        self._token = token
        self._signs = signs
        self._probe = probe
        self._probe_port = gateway.probe_port
        self._tls = tls
        self._kept: http.client.HTTPConnection | None = None
        self._sent = 0
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(step,), daemon=True)
            for step in (self._send, self._probe_once)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(REQUEST_SECONDS + 1)
        if self._kept is not None:
            self._kept.close()
        if kind is None:
            self.assert_unharmed()

    def keep_going(self, requests: int = 20) -> None:
        """Wait until so many more events and probes were answered; fail where one was not."""
        events, probes = len(self.waits) + requests, len(self.probes) + requests
        served = wait_until(
            lambda: bool(self.lost) or (len(self.waits) >= events and len(self.probes) >= probes),
            seconds=SERVED_SECONDS,
        )
        assert served, f"{len(self.waits)} events and {len(self.probes)} probes were answered"
        assert not self.lost, self.lost

    def assert_unharmed(self) -> None:
        """Fail where an event or a probe was lost, or was slow."""
        assert not self.lost, self.lost
        assert median(self.waits) < 1, sorted(self.waits)
        # One probe may meet a pause of the machine; three slow ones in a row restart a container.
        assert not any(
            slow and len(list(run)) >= RESTARTING for slow, run in groupby(self.probes, _is_slow)
        ), self.probes

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._over.is_set():
            try:
                step()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
            self._over.wait(PAUSE_SECONDS)

    def _send(self) -> None:
        self._sent += 1
        if self._sent % 2:
            connection = self._connection(self._port)
        else:
            connection = self._kept = self._kept or self._connection(self._port)
        body = json.dumps(event(self._sent)).encode()
        headers = {"content-type": STRUCTURED, **self._credentials(body)}
        started_at = monotonic()
        try:
            connection.request("POST", "/events", body, headers)
            self._record(connection.getresponse(), 202, started_at, self.waits)
        finally:
            if connection is not self._kept:
                connection.close()

    def _credentials(self, body: bytes) -> dict[str, str]:
        if self._signs is None:
            return {"authorization": f"Bearer {self._token}"}
        number = f"msg_{self._sent}"
        return signed(body, at=datetime.now(UTC), secret=self._signs, message_id=number)

    def _probe_once(self) -> None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._probe_port, timeout=REQUEST_SECONDS
        )
        started_at = monotonic()
        try:
            connection.request("GET", self._probe)
            self._record(connection.getresponse(), 200, started_at, self.probes)
        finally:
            connection.close()

    def _record(
        self, answer: http.client.HTTPResponse, expected: int, started_at: float, waits: list[float]
    ) -> None:
        body = answer.read()
        if answer.status == expected:
            waits.append(monotonic() - started_at)
        else:
            self.lost.append(f"{answer.status}: {body[:300]!r}")

    def _connection(self, port: int) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=REQUEST_SECONDS, context=self._tls
            )
        return http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)


def _is_slow(seconds: float) -> bool:
    return seconds >= 1
