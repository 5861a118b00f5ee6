"""A relay that runs: batch after batch, and anew after what passes by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final, TypeAlias

from boundary.postgres import DatabaseUnavailableError
from boundary.retry_policy import RetryPolicy
from broker.errors import BrokerUnreachableError
from sources.client import GatewayRefusedError, Publisher
from sources.relay.relay import (
    EVENTS_PER_BATCH,
    NotArrivedError,
    Relayed,
    WaitingEvents,
    relay_batch,
)

logger = logging.getLogger(__name__)

PASSING: Final = (DatabaseUnavailableError, BrokerUnreachableError, NotArrivedError)
"""What passes by itself: a database, a broker or a gateway that is away. So does what another
server answers in the gateway's place, as a proxy that has just been started."""
TELL_SECONDS: Final = 60.0
"""How often it says what it has sent, where something always waits."""


Opened: TypeAlias = Callable[[], AbstractContextManager[WaitingEvents]]
Published: TypeAlias = Callable[[], AbstractContextManager[Publisher]]


def relay_waiting(
    outbox: WaitingEvents, publisher: Publisher, total: Relayed, *, most: int = EVENTS_PER_BATCH
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
