"""From lines of text to published events: what is valid is sent, what is not is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from events.cloudevent import decode_json
from events.errors import ContractError, DeliveryError, EventsError
from events.publisher import FailedDelivery, Publisher

__all__ = ["Emission", "RefusedLine", "emit"]

# How many lines are sent before their fate is awaited: a broken broker is noticed soon, and
# what is known of each unanswered event stays small.
LINES_PER_FLUSH: Final = 5_000
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that holds no valid event."""

    number: int
    error: ContractError

    def __str__(self) -> str:
        return f"line {self.number}: {self.error}"


@dataclass(slots=True)
class Emission:
    """How far an emission got: events that the broker has, lines that were refused."""

    accepted: int = 0
    refused: int = 0
    lines: int = 0
    """Lines read so far, blank ones included."""


def emit(
    lines: Iterable[bytes],
    publisher: Publisher,
    *,
    on_refused: Callable[[RefusedLine], None],
    emission: Emission | None = None,
) -> Emission:
    """Publish each line's CloudEvent; a line that is refused is handed on and stops nothing.

    Blank lines are skipped. `emission` is updated as lines are read, for a caller that shows
    progress or reports after an error. Raises DeliveryError once an event was not delivered.
    """
    emission = emission or Emission()
    waiting: dict[tuple[str, str], int] = {}
    for number, raw in enumerate(lines, start=1):
        emission.lines = number
        if number % LINES_PER_FLUSH == 0:
            _settle(publisher, waiting, emission)
        line = (raw.removeprefix(BYTE_ORDER_MARK) if number == 1 else raw).strip()
        if not line:
            continue
        try:
            event = decode_json(line)
        except ContractError as error:
            emission.refused += 1
            on_refused(RefusedLine(number, error))
            continue
        waiting.setdefault((event.source, event.id), number)
        try:
            publisher.publish(event)
        except EventsError as error:
            _settle(publisher, waiting, emission, FailedDelivery(event, str(error)))
    _settle(publisher, waiting, emission)
    return emission


def _settle(
    publisher: Publisher,
    waiting: dict[tuple[str, str], int],
    emission: Emission,
    unsent: FailedDelivery | None = None,
) -> None:
    report = publisher.flush()
    emission.accepted += report.delivered
    failed = report.failed if unsent is None else (*report.failed, unsent)
    if failed:
        first = min(failed, key=lambda delivery: waiting[delivery.event.source, delivery.event.id])
        raise DeliveryError(
            undelivered=len(failed),
            cause=first.cause,
            line=waiting[first.event.source, first.event.id],
        )
    waiting.clear()
