"""A relay that runs: batch after batch, and anew after what passes by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from threading import Timer
from typing import Final, Protocol, Self, TypeAlias

from boundary.postgres import DatabaseUnavailableError
from boundary.retry_policy import RetryPolicy
from broker.errors import BrokerUnreachableError
from events.cloudevent import CloudEvent
from sources.client import DeliveryReport, GatewayRefusedError, Publisher
from sources.relay.relay import (
    EVENTS_PER_BATCH,
    NotArrivedError,
    Relayed,
    WaitingEvents,
    relay_batch,
)


@contextmanager
def telling(
    destination: str,
    open_publisher: Callable[[], Publisher],
    *,
    say: Callable[[str], None],
    seconds: float,
) -> Iterator[Publisher]:
    """Open a publisher and yield it; say once for what it waits longer than so many seconds.

    Another thread says it. Raises as `open_publisher` and its publisher.
    """
    notice = _Notice(f"waiting for {destination}", say, seconds)
    try:
        notice.begin()
        with open_publisher() as publisher:
            notice.end()
            yield _TellingPublisher(publisher, notice)
    finally:
        notice.end()


class _Notice:
    """A line that is said at most once, if what has begun does not end soon."""

    def __init__(self, line: str, say: Callable[[str], None], seconds: float) -> None:
        self._line, self._say, self._seconds = line, say, seconds
        self._said = False
        self._timer: Timer | None = None

    def begin(self) -> None:
        if self._timer is None and not self._said:
            self._timer = Timer(self._seconds, self._tell)
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._said = True
        self._say(self._line)


class _TellingPublisher:
    """A publisher whose wait is from the first event to the report of it."""

    def __init__(self, publisher: Publisher, notice: _Notice) -> None:
        self._publisher, self._notice = publisher, notice

    def publish(self, event: CloudEvent) -> None:
        """Queue an event; where the queue is full this waits as well."""
        self._notice.begin()
        self._publisher.publish(event)

    def flush(self) -> DeliveryReport:
        """Return the outcomes of what was queued."""
        try:
            return self._publisher.flush()
        finally:
            self._notice.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the publisher to `telling`."""


logger = logging.getLogger(__name__)

PASSING: Final = (DatabaseUnavailableError, BrokerUnreachableError, NotArrivedError)
"""What passes by itself: a database, a broker or a gateway that is away. So does what another
server answers in the gateway's place, as a proxy that has just been started."""
TELL_SECONDS: Final = 60.0
"""How often it says what it has sent, where something always waits."""


class CountedEvents(WaitingEvents, Protocol):
    """Where events wait, and are counted."""

    def waiting(self) -> int:
        """Return how many wait."""


class FollowedEvents(WaitingEvents, Protocol):
    """Where events wait, and come."""

    def wait(self, seconds: float, /) -> None:
        """Return once an event was emitted, or after so many seconds."""


Opened: TypeAlias = Callable[[], AbstractContextManager[FollowedEvents]]
Published: TypeAlias = Callable[[], AbstractContextManager[Publisher]]


def relay_waiting(
    outbox: CountedEvents, publisher: Publisher, total: Relayed, *, most: int = EVENTS_PER_BATCH
) -> None:
    """Send as many events as wait now, the first of them; `total` is updated.

    Where others come all the time, something always waits. Raises as `relay_batch`.
    """
    left = outbox.waiting()
    while left > 0:
        before = total.sent + total.refused
        if not relay_batch(outbox, publisher, total, most=most):
            return
        left -= total.sent + total.refused - before


def relay_until_stopped(
    open_outbox: Opened,
    open_publisher: Published,
    total: Relayed,
    *,
    poll_seconds: float,
    retry_policy: RetryPolicy | None = None,
) -> None:
    """Send what waits and what comes, until an exception from outside, such as that of a signal.

    The database tells of new events; every `poll_seconds` it is asked all the same. What is away is
    waited for, with the policy's pauses and without its total. What was sent is logged once nothing
    waits, and each minute. Raises what does not pass by itself.
    """
    retry_policy = retry_policy or RetryPolicy(first_pause=1.0)
    failures, told = 0, replace(total)
    while True:
        before = replace(total)
        try:
            with open_outbox() as outbox, open_publisher() as publisher:
                logger.info("relaying")
                told_at = retry_policy.clock()
                while True:
                    is_all = not relay_batch(outbox, publisher, total)
                    failures, before = 0, replace(total)
                    is_time = is_all or retry_policy.clock() - told_at >= TELL_SECONDS
                    if is_time and total != told:
                        logger.info("sent=%d refused=%d", total.sent, total.refused)
                        told, told_at = replace(total), retry_policy.clock()
                    # Also where more waits: what the database has told meanwhile is kept in memory
                    # until it is waited for.
                    outbox.wait(poll_seconds if is_all else 0.0)
        except (*PASSING, GatewayRefusedError) as error:
            if isinstance(error, GatewayRefusedError) and error.is_gateway:
                raise
            failures = 1 if total != before else failures + 1
            seconds = retry_policy.pause(failures, error)
            logger.warning("waiting seconds=%.1f error=%s", seconds, error)
            retry_policy.sleep(seconds)
