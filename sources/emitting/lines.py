"""From lines of text to published events: valid ones are sent, others are reported."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from events.cloudevent import MAX_BYTES, CloudEvent, decode_json
from events.errors import ContractError, RefusalReason
from sources.client import FailedDelivery, Publisher
from sources.client.protocol import DeliveryError

_REST_BYTES: Final = 64 * 1024


def bounded_lines(stream: IO[bytes], *, longest: int) -> Iterator[bytes]:
    """Yield each line with its end, or the first `longest` + 1 bytes of a longer line.

    The rest of a longer line is skipped when the next line is requested.
    """
    while line := stream.readline(longest + 1):
        yield line
        while line and not line.endswith(b"\n"):
            line = stream.readline(_REST_BYTES)


LINES_PER_FLUSH: Final = 5_000
"""How many lines are sent before their outcomes are awaited: a broken broker is noticed soon, and
the record of unanswered events stays small."""
LONGEST_LINE: Final = MAX_BYTES + len(b"\r\n")
"""Bytes of a line that may hold an event."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that holds no valid event, or one that this producer may not send."""

    number: int | None
    """None where the event was spooled by an earlier run."""
    error: SmartRegionError

    def __str__(self) -> str:
        name = "an earlier line" if self.number is None else f"line {self.number}"
        return f"{name}: {self.error}"


@dataclass(slots=True)
class Emission:
    """The progress of an emission: accepted events, refused lines."""

    accepted: int = 0
    refused: int = 0
    waiting: int = 0
    """Events that are spooled until the gateway is back."""
    waiting_for: str | None = None
    """Why they wait."""
    lines: int = 0
    """Lines read so far, blank ones included."""


def emit(
    lines: Iterable[bytes],
    publisher: Publisher,
    *,
    on_refused: Callable[[RefusedLine], None],
    emission: Emission | None = None,
) -> Emission:
    """Publish each line's CloudEvent; a refused line goes to `on_refused` and stops nothing.

    Blank lines are skipped, and lines longer than LONGEST_LINE refused. `emission` is updated as
    lines are read, for a caller that shows progress or reports after an error. Raises
    SmartRegionError, and DeliveryError once an event was not delivered.
    """
    emission = emission or Emission()
    waiting: dict[tuple[str, str], int] = {}
    for number, raw in enumerate(lines, start=1):
        if number == 1 and raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) and 0 in raw[2:4]:
            raise SmartRegionError(
                "file: is in UTF-16, as Windows PowerShell writes it: save it in UTF-8"
            )
        emission.lines = number
        if number % LINES_PER_FLUSH == 0:
            _settle(publisher, waiting, emission, on_refused)
        line = (raw.removeprefix(BOM_UTF8) if number == 1 else raw).strip()
        if not line and len(raw) <= LONGEST_LINE:
            continue
        try:
            if len(raw) > LONGEST_LINE:
                raise _too_long()
            event = decode_json(line)
        except ContractError as error:
            emission.refused += 1
            on_refused(RefusedLine(number, error))
            continue
        waiting.setdefault((event.source, event.id), number)
        try:
            publisher.publish(event)
        except SmartRegionError as error:
            unsent = FailedDelivery(event, str(error))
            _settle(publisher, waiting, emission, on_refused, unsent=unsent)
    _settle(publisher, waiting, emission, on_refused)
    return emission


def _too_long() -> ContractError:
    size, remedy = f"more than {MAX_BYTES} bytes", "write each event on a line of its own"
    return ContractError(RefusalReason.TOO_LARGE, "line", size, remedy)


def _refusal(event: CloudEvent | None, cause: str) -> SmartRegionError:
    """Return the error of an event that will never be accepted as it is.

    `event` is None if this version cannot read it: another version left it in the spool.
    """
    name = "event of another version" if event is None else f"event {shown(event.id)}"
    return SmartRegionError(f"{name}: was refused ({cause})")


def _settle(
    publisher: Publisher,
    waiting: dict[tuple[str, str], int],
    emission: Emission,
    on_refused: Callable[[RefusedLine], None],
    *,
    unsent: FailedDelivery | None = None,
) -> None:
    report = publisher.flush()
    emission.accepted += report.delivered
    emission.waiting, emission.waiting_for = report.waiting, report.waiting_for
    for cause in report.raw_failures:
        emission.refused += 1
        on_refused(RefusedLine(None, _refusal(None, cause)))
    lost: list[tuple[int, FailedDelivery]] = []
    for delivery in (*report.failed, *([] if unsent is None else [unsent])):
        number = waiting.get((delivery.event.source, delivery.event.id))
        if delivery.refused:
            emission.refused += 1
            on_refused(RefusedLine(number, _refusal(delivery.event, delivery.cause)))
        else:
            lost.append((number or emission.lines, delivery))
    if lost:
        line, first = min(lost, key=lambda one: one[0])
        raise DeliveryError(undelivered=len(lost), cause=first.cause, line=line)
    waiting.clear()
