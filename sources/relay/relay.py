"""From an outbox to Kafka or to the gateway: each event at least once, in an entity's order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from boundary.errors import SmartRegionError
from boundary.postgres import DatabaseUnavailableError
from boundary.retry_policy import RetryPolicy
from broker.errors import BrokerUnreachableError
from events.cloudevent import CloudEvent, decode_json
from events.errors import ContractError
from sources.client import GatewayRefusedError, Publisher, publish_all

if TYPE_CHECKING:
    from sources.relay.outbox import Outbox, WaitingEvent

logger = logging.getLogger(__name__)

EVENTS_PER_BATCH: Final = 500
"""How many events are sent before their arrival is awaited and noted. An interruption sends at
most so many a second time."""
LOG_SECONDS: Final = 60.0
"""How often progress is logged while events keep waiting."""


@dataclass(slots=True)
class Relayed:
    """How many events were sent, and how many refused."""

    sent: int = 0
    refused: int = 0


class NotArrivedError(SmartRegionError):
    """The broker or the gateway did not acknowledge some events."""

    def __init__(self, events: int, *, cause: str) -> None:
        super().__init__(
            f"outbox: not every event arrived, value {events} missing ({cause}): they stay in the"
            " outbox; run this again once that has passed"
        )


PASSING: Final = (DatabaseUnavailableError, BrokerUnreachableError, NotArrivedError)
"""Errors that pass without intervention: an unreachable database, broker or gateway. So does the
answer of another server in the gateway's place, such as a proxy that has just started."""


def relay_batch(
    outbox: Outbox, publisher: Publisher, total: Relayed, *, most: int = EVENTS_PER_BATCH
) -> bool:
    """Send the first waiting events, settle them and add them to `total`; return if there were any.

    Refused events are put aside with the reason. Raises NotArrivedError where some did not arrive,
    once the others are settled: they wait, with all later ones about the same entity. Raises as the
    outbox.
    """
    done = Relayed()
    failed: list[str] = []
    with outbox.taken(most) as rows:
        events = _readable(outbox, rows, done)
        lost, refused = publish_all(publisher, [event for _, event in events])
        stopped: set[tuple[str, str]] = set()
        arrived: list[int] = []
        for row, event in events:
            entity, identity = (row.topic, row.key), (event.source, event.id)
            if identity in refused:
                _refuse(outbox, row, refused[identity].cause, done, code="refused")
            elif identity in lost:
                stopped.add(entity)
                failed.append(lost[identity].cause)
            elif entity not in stopped:
                # Later ones of an entity may have arrived: they are sent again, after the first.
                arrived.append(row.seq)
        outbox.delivered(arrived)
        done.sent = len(arrived)
    total.sent += done.sent
    total.refused += done.refused
    if failed:
        raise NotArrivedError(len(failed), cause=failed[0])
    return done != Relayed()


def _readable(
    outbox: Outbox, rows: Sequence[WaitingEvent], done: Relayed
) -> list[tuple[WaitingEvent, CloudEvent]]:
    """Return the rows that hold an event, and refuse the others."""
    found = []
    for row in rows:
        try:
            found.append((row, decode_json(row.event)))
        except ContractError as error:
            _refuse(outbox, row, str(error), done, code=error.reason)
    return found


def _refuse(outbox: Outbox, row: WaitingEvent, reason: str, done: Relayed, *, code: str) -> None:
    logger.warning(
        # Without the refused value, which may be a person's: the table beside the event has it.
        "refused seq=%d topic=%s reason=%s: smart_region.refused says why",
        row.seq,
        row.topic,
        code,
    )
    outbox.refuse(row.seq, reason)
    done.refused += 1


def relay_waiting(
    outbox: Outbox, publisher: Publisher, total: Relayed, *, most: int = EVENTS_PER_BATCH
) -> None:
    """Send as many events as wait now, the oldest first; `total` is updated.

    Events that are emitted meanwhile are not waited for: that might never end. Raises as
    `relay_batch`.
    """
    left = outbox.waiting()
    while left > 0:
        before = total.sent + total.refused
        if not relay_batch(outbox, publisher, total, most=most):
            return
        left -= total.sent + total.refused - before


def relay_until_stopped(
    open_outbox: Callable[[], AbstractContextManager[Outbox]],
    open_publisher: Callable[[], AbstractContextManager[Publisher]],
    total: Relayed,
    *,
    poll_seconds: float,
    retry_policy: RetryPolicy | None = None,
) -> None:
    """Send waiting and new events until an exception from outside, such as that of a signal.

    The database notifies of new events; it is polled every `poll_seconds` as well. An unreachable
    database, broker or gateway is retried with the policy's pauses, without its total. Progress is
    logged once nothing waits, and each minute. Raises what does not pass without intervention.
    """
    retry_policy = retry_policy or RetryPolicy(first_pause=1.0)
    failures, logged = 0, replace(total)
    while True:
        before = replace(total)
        try:
            with open_outbox() as outbox, open_publisher() as publisher:
                logger.info("relaying")
                logged_at = retry_policy.clock()
                while True:
                    is_all = not relay_batch(outbox, publisher, total)
                    failures, before = 0, replace(total)
                    is_time = is_all or retry_policy.clock() - logged_at >= LOG_SECONDS
                    if is_time and total != logged:
                        logger.info("sent=%d refused=%d", total.sent, total.refused)
                        logged, logged_at = replace(total), retry_policy.clock()
                    # Also where more waits: the client keeps notifications in memory until then.
                    outbox.wait(poll_seconds if is_all else 0.0)
        except (*PASSING, GatewayRefusedError) as error:
            if isinstance(error, GatewayRefusedError) and error.is_gateway:
                raise
            failures = 1 if total != before else failures + 1
            seconds = retry_policy.pause(failures, error)
            logger.warning("waiting seconds=%.1f error=%s", seconds, error)
            retry_policy.sleep(seconds)
