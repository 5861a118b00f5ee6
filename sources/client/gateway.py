"""Publishing through the gateway: signed or with a token, in batches, with retries."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Self

from boundary.addresses import UnusableAddressError, shown_address, usable_address
from boundary.errors import SmartRegionError
from boundary.http_client import HttpClient, NoAnswerError
from boundary.retry_policy import RetryPolicy
from events.cloudevent import MAX_BYTES, CloudEvent, decode_json, encode_structured
from events.errors import ContractError
from sources.client.credentials import Credentials
from sources.client.gateway_answer import (
    BatchTooLargeError,
    DeliveryOutcome,
    EventAnswer,
    GatewayUnavailableError,
    read_answer,
)
from sources.client.protocol import DeliveryReport, FailedDelivery
from sources.client.spool import Spool, Waiting

BATCH: Final = "application/cloudevents-batch+json"
PATH: Final = "/events"
MOST_EVENTS: Final = 500
MOST_REQUEST_BYTES: Final = 2**20
"""What the gateway accepts in one request."""
MOST_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""More than the gateway ever answers to 500 events."""
CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
"""Timeout of each network step of an answer: the gateway waits for its broker."""
LONGEST_QUOTA_SECONDS: Final = 15 * 60.0
"""More than 500 events take at one a second."""


class GatewayPublisher:
    """A publisher that posts to the gateway, in batches and in order; thread-safe.

    Without a spool, events wait in memory: `publish` sends each full batch before it returns, and
    `flush` sends the rest. Events that the gateway has not accepted after the last retry have
    failed, and so have those published before the next report, without another wait for each
    batch. A quota is waited for as long as the gateway requests, up to LONGEST_QUOTA_SECONDS.
    With a spool, `publish` writes to the disk and returns, and `flush` sends; events that are not
    accepted stay there for the next `flush`, or for the next process with the same file. Call
    `flush` in another thread where the caller must not wait.

    Authorities of TLS are as in `HttpClient`.

    A refused event is reported, and those behind it are sent. An event that arrives twice, after a
    lost answer, counts once.

    The constructor raises SmartRegionError where the address cannot be used; `publish` raises
    SpoolFullError; both `publish` and `flush` raise GatewayRefusedError where the gateway does not
    know this producer, or refuses every request before it reads it: then all events stay queued.
    Leaving the context flushes, and raises DeliveryError where an event that no report contains was
    lost or refused.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        spool: Spool | None = None,
        plain_http: bool = False,
        batch_events: int = MOST_EVENTS,
        retry_policy: RetryPolicy | None = None,
        client: HttpClient | None = None,
    ) -> None:
        """Prepare sending to the gateway's base address; tests replace the last argument.

        `plain_http` allows a token to be sent unencrypted to another machine.
        """
        self._url = _checked(url, credentials, plain_http=plain_http) + PATH
        self._credentials = credentials
        self._spool = spool
        self._queue = Spool() if spool is None else spool
        self._client = client or HttpClient(
            url,
            seconds=(CONNECT_SECONDS, ANSWER_SECONDS),
            environment_proxy=True,
            most_bytes=MOST_ANSWER_BYTES,
        )
        self._retry_policy = retry_policy or RetryPolicy()
        self._batch_events = self._most_together = batch_events
        self._sending = threading.Lock()
        self._counting = threading.Lock()
        self._delivered = 0
        self._failed: list[FailedDelivery] = []
        self._undecodable: list[str] = []
        self._given_up: GatewayUnavailableError | None = None

    def publish(self, event: CloudEvent) -> None:
        """Queue an event, and send a full batch where there is no spool."""
        record = encode_structured(event)
        if len(record.value) > MAX_BYTES:
            cause = f"is larger than any event: {len(record.value)} bytes instead of {MAX_BYTES}"
            self._fail(record.value, cause, refused=True)
            return
        if (away := self._given_up) is not None:
            self._fail(record.value, away.cause, refused=False)
            return
        self._queue.append(record.value)
        if self._spool is None and len(self._queue) >= self._batch_events:
            self._send_all()

    def flush(self) -> DeliveryReport:
        """Send the queued events, and return the outcomes since the last report."""
        away = self._send_all()
        with self._counting:
            report = DeliveryReport(
                self._delivered,
                tuple(self._failed),
                tuple(self._undecodable),
                waiting=len(self._queue),
                waiting_for=away.cause if away is not None and len(self._queue) else None,
            )
            self._delivered, self._failed, self._undecodable = 0, [], []
            self._given_up = None
        return report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.flush().check()
        finally:
            self._client.close()
            self._queue.close()

    def _send_all(self) -> GatewayUnavailableError | None:
        """Send until the queue is empty; return the error if it is not."""
        with self._sending:
            waited_with = 0
            while left := len(self._queue):
                try:
                    # A retry sends the first batch again, of which some events may be gone.
                    self._retry_policy.call(self._send_next, retry_on=GatewayUnavailableError)
                except GatewayUnavailableError as away:
                    if self._spool is not None:
                        return away
                    # A small quota may take minutes; it is waited for while there is progress.
                    is_soon = away.is_over_quota and away.retry_after <= LONGEST_QUOTA_SECONDS
                    if not is_soon or left == waited_with:
                        self._give_up(away)
                        return away
                    waited_with = left
                    self._retry_policy.sleep(away.retry_after)
        return None

    def _send_next(self) -> None:
        """Send the first batch once. Raises GatewayUnavailableError if part of it must wait."""
        batch = self._queue.head(self._most_together, MOST_REQUEST_BYTES)
        outcomes = self._post(batch)
        if outcomes is None:
            self._most_together = len(batch) // 2
            return
        self._most_together = min(self._batch_events, self._most_together * 2)
        answered = list(zip(batch, outcomes, strict=True))
        settled = [one for one, outcome in answered if outcome.fate is not DeliveryOutcome.LATER]
        self._queue.remove(settled)
        for one, outcome in answered:
            if outcome.fate is DeliveryOutcome.REFUSED:
                self._fail(one.event, outcome.cause, refused=True)
        with self._counting:
            self._delivered += sum(outcome.fate is DeliveryOutcome.TAKEN for outcome in outcomes)
        for outcome in outcomes:
            if outcome.fate is DeliveryOutcome.LATER:
                raise GatewayUnavailableError(self._url, cause=outcome.cause)

    def _post(self, batch: Sequence[Waiting]) -> Sequence[EventAnswer] | None:
        """Post a batch and return its outcomes; None if it must be sent in parts."""
        body = b"[" + b",".join(waiting.event for waiting in batch) + b"]"
        now = datetime.now(UTC)
        headers = {"content-type": BATCH, **self._credentials.headers(body, now)}
        try:
            answer = self._client.exchange("POST", self._url, body=body, headers=headers)
            return read_answer(self._url, answer, events=len(batch), now=now)
        except NoAnswerError as error:
            raise GatewayUnavailableError(self._url, cause=error.cause) from error
        except BatchTooLargeError as error:
            if len(batch) > 1:
                return None
            if not batch:
                raise
            # A misconfigured proxy refuses every request, also one without events: no event may be
            # given up for that.
            self._post(())
            return [EventAnswer(DeliveryOutcome.REFUSED, error.cause)]

    def _give_up(self, away: GatewayUnavailableError) -> None:
        """Report everything in memory as failed, as `publish` does before the next report."""
        self._given_up = away
        while batch := self._queue.head(self._batch_events, MOST_REQUEST_BYTES):
            for waiting in batch:
                self._fail(waiting.event, away.cause, refused=False)
            self._queue.remove(batch)

    def _fail(self, event: bytes, cause: str, *, refused: bool) -> None:
        try:
            failed = FailedDelivery(decode_json(event), cause, refused=refused)
        except ContractError:
            # Spooled by another version, with other contracts.
            with self._counting:
                self._undecodable.append(cause)
        else:
            with self._counting:
                self._failed.append(failed)


def _checked(url: str, credentials: Credentials, *, plain_http: bool) -> str:
    """Return the gateway's base address. Raises SmartRegionError."""
    secret = credentials.secret_in_request
    try:
        usable_address(url, secret=secret, plain_http=plain_http)
    except UnusableAddressError as error:
        remedy = f"{error.remedy}; or send with a signing secret" if secret else error.remedy
        message = f"gateway: {error.problem}, value {shown_address(url)!r}: {remedy}"
        raise SmartRegionError(message) from None
    return url.rstrip("/")
