"""From an outbox to Kafka or to the gateway: each event at least once, in an entity's order."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent, decode_json
from events.errors import ContractError
from sources.client.protocol import publish_all

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sources.client import Publisher
    from sources.relay.outbox import WaitingEvent

logger = logging.getLogger(__name__)

EVENTS_PER_BATCH: Final = 500
"""How many events are sent before their arrival is awaited and noted. An interruption sends at
most so many a second time."""


class WaitingEvents(Protocol):
    """Where events wait: `sources.relay.outbox.Outbox`."""

    def taken(self, most: int, /) -> AbstractContextManager[Sequence[WaitingEvent]]:
        """Give the first events, locked within the block."""

    def delivered(self, seqs: Sequence[int], /) -> None:
        """Remove events that have arrived."""

    def refuse(self, seq: int, reason: str, /) -> None:
        """Put an event aside that will never be accepted."""

    def waiting(self) -> int:
        """Return how many wait."""

    def wait(self, seconds: float, /) -> None:
        """Return once an event was emitted, or after so many seconds."""


@dataclass(slots=True)
class Relayed:
    """What became of events."""

    sent: int = 0
    refused: int = 0


class NotArrivedError(SmartRegionError):
    """The broker or the gateway did not acknowledge some events."""

    def __init__(self, events: int, *, cause: str) -> None:
        super().__init__(
            f"outbox: not every event arrived, value {events} missing ({cause}): they stay in the"
            " outbox; run this again once that has passed"
        )


def relay_batch(
    outbox: WaitingEvents, publisher: Publisher, total: Relayed, *, most: int = EVENTS_PER_BATCH
) -> bool:
    """Send the first events that wait, settle them and add them to `total`; return if any was.

    What is refused is put aside with the reason. Raises NotArrivedError where some did not arrive,
    once the others are settled: they wait, with all that follow them about the same entity. Raises
    as the outbox.
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
    outbox: WaitingEvents, rows: Sequence[WaitingEvent], done: Relayed
) -> list[tuple[WaitingEvent, CloudEvent]]:
    """Return the rows that hold an event, and refuse the others."""
    found = []
    for row in rows:
        try:
            found.append((row, decode_json(row.event)))
        except ContractError as error:
            _refuse(outbox, row, str(error), done, code=error.reason)
    return found


def _refuse(
    outbox: WaitingEvents, row: WaitingEvent, reason: str, done: Relayed, *, code: str
) -> None:
    logger.warning(
        # Without the refused value, which may be a person's: the table beside the event has it.
        "refused seq=%d topic=%s reason=%s: smart_region.refused says why",
        row.seq,
        row.topic,
        code,
    )
    outbox.refuse(row.seq, reason)
    done.refused += 1
