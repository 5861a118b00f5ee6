"""The protocol of a publisher: events are queued, and their outcomes reported later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """An event that was not acknowledged, with its cause."""

    event: CloudEvent
    cause: str
    refused: bool = False
    """True where it was judged invalid: a retry would be refused too."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """The outcomes of the events published since the last report."""

    delivered: int
    failed: tuple[FailedDelivery, ...] = ()
    raw_failures: tuple[str, ...] = ()
    """The cause for each raw record that was not acknowledged."""
    waiting: int = 0
    """Events on disk that are still to be delivered."""
    waiting_for: str | None = None
    """The cause of their waiting."""

    def check(self) -> None:
        """Raise DeliveryError where an event or a raw record was not delivered."""
        causes = [*(one.cause for one in self.failed), *self.raw_failures]
        if causes:
            raise DeliveryError(undelivered=len(causes), cause=causes[0])


class Publisher(Protocol):
    """Queues events and reports their delivery; a context manager that flushes."""

    def publish(self, event: CloudEvent) -> None:
        """Queue an event for its family's topic."""

    def flush(self) -> DeliveryReport:
        """Wait until every queued event is delivered, failed or kept, and return the outcomes."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


class DeliveryError(SmartRegionError):
    """Valid events were not acknowledged by the broker or the gateway.

    `line` is that of the first of them, where they were read from a file.
    """

    def __init__(self, *, undelivered: int, cause: str, line: int | None = None) -> None:
        self.undelivered = undelivered
        self.cause = cause
        self.line = line
        which = "them" if line is None else f"from line {line} on"
        super().__init__(
            f"delivery: not every event was acknowledged, value {undelivered} missing ({cause}):"
            f" emit {which} again; what arrives twice counts once"
        )
