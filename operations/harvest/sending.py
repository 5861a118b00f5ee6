"""Sends what waits in the memory of a harvest, and forgets what has arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from boundary.errors import SmartRegionError
from boundary.terminal import counted
from operations.client import FailedDelivery, Publisher, publish_all
from operations.harvest.memory import Memory

__all__ = ["HarvestInterruptedError", "send_waiting"]

EVENTS_PER_CHUNK: Final = 500
"""How many are sent before their arrival is noted: a kill repeats at most so many, unchanged."""


class HarvestInterruptedError(SmartRegionError):
    """Events did not arrive; they wait in the file of --state."""

    def __init__(self, *, undelivered: int, cause: str) -> None:
        super().__init__(
            f"delivery: did not arrive, value {counted(undelivered, 'event')} ({cause}):"
            " run the same command again, it sends them first"
        )


def send_waiting(
    memory: Memory, publisher: Publisher, save: Callable[[], None]
) -> tuple[int, list[FailedDelivery]]:
    """Send all that waits; return how many arrived, and those that were refused.

    What is refused waits on: it may be taken once its cause is removed. Raises
    HarvestInterruptedError where an event did not arrive.
    """
    arrived, refused = 0, list[FailedDelivery]()
    texts, kept = list(memory.outbox), list[str]()
    events = memory.waiting()
    for begin in range(0, len(events), EVENTS_PER_CHUNK):
        end = begin + EVENTS_PER_CHUNK
        undelivered = publish_all(publisher, events[begin:end])
        if undelivered.lost:
            # All of the chunk are sent again: which of them arrived does not matter.
            memory.outbox = [*kept, *texts[begin:]]
            save()
            lost = [one.cause for one in undelivered.lost.values()]
            raise HarvestInterruptedError(undelivered=len(lost), cause=lost[0])
        refused += undelivered.refused.values()
        chunk = zip(texts[begin:end], events[begin:end], strict=True)
        kept += [text for text, event in chunk if (event.source, event.id) in undelivered.refused]
        arrived += len(events[begin:end]) - len(undelivered.refused)
        memory.outbox = [*kept, *texts[end:]]
        save()
    return arrived, refused
