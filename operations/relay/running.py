"""A relay that runs: batch after batch, and anew after what passes by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeAlias

from boundary.postgres import DatabaseUnavailableError
from broker.errors import BrokerUnreachableError
from operations.client import Publisher
from operations.client.protocol import DeliveryError
from operations.relay.relay import EVENTS_PER_BATCH, Relayed, WaitingEvents, relay_batch

__all__ = ["PASSING", "relay_all", "relay_until_stopped"]

logger = logging.getLogger(__name__)

PASSING: Final = (DatabaseUnavailableError, BrokerUnreachableError, DeliveryError)
"""What passes by itself: a database, a broker or a gateway that is away."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a new try: twice as long after each failure in a row."""


class FollowedEvents(WaitingEvents, Protocol):
    """Where events wait, and come."""

    def wait(self, seconds: float, /) -> None:
        """Return once an event was emitted, or after so many seconds."""


Opened: TypeAlias = Callable[[], AbstractContextManager[FollowedEvents]]
Published: TypeAlias = Callable[[], AbstractContextManager[Publisher]]


def relay_all(
    outbox: WaitingEvents, publisher: Publisher, total: Relayed, *, most: int = EVENTS_PER_BATCH
) -> None:
    """Send all that waits now; `total` is updated. Raises as `relay_batch`."""
    while (done := relay_batch(outbox, publisher, most=most)).sent or done.refused:
        total.sent += done.sent
        total.refused += done.refused


def relay_until_stopped(
    open_outbox: Opened,
    open_publisher: Published,
    total: Relayed,
    *,
    poll_seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Send what waits and what comes, until an exception from outside, such as that of a signal.

    The database tells of new events; every `poll_seconds` it is asked all the same. What is away is
    waited for. Raises what does not pass by itself.
    """
    failures = 0
    while True:
        try:
            with open_outbox() as outbox, open_publisher() as publisher:
                logger.info("relaying")
                while True:
                    before = total.sent, total.refused
                    relay_all(outbox, publisher, total)
                    failures = 0
                    if (total.sent, total.refused) != before:
                        logger.info("sent=%d refused=%d", total.sent, total.refused)
                    outbox.wait(poll_seconds)
        except PASSING as error:
            seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures)
            failures += 1
            logger.warning("waiting seconds=%.0f error=%s", seconds, error)
            pause(seconds)
