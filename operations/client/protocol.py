"""What a publisher is: it takes events, and tells later what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent

__all__ = ["DeliveryError", "DeliveryReport", "FailedDelivery", "Publisher"]


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """An event that was not acknowledged, and why."""

    event: CloudEvent
    cause: str
    refused: bool = False
    """True where it was looked at and turned down: as it is, it will never be taken."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of the events published since the last report."""

    delivered: int
    failed: tuple[FailedDelivery, ...] = ()
    raw_failures: tuple[str, ...] = ()
    """The cause for each raw record that was not acknowledged."""
    waiting: int = 0
    """Events that are kept, safe from a restart, until they can be delivered."""
    waiting_for: str | None = None
    """Why they wait."""


class Publisher(Protocol):
    """Takes events, and tells later which were delivered; a context manager that flushes."""

    def publish(self, event: CloudEvent) -> None:
        """Queue an event for its family's topic."""

    def flush(self) -> DeliveryReport:
        """Wait until every queued event is delivered, failed or kept for later, and tell."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class DeliveryError(SmartRegionError):
    """Events that are valid were not acknowledged, by the broker or by the gateway.

    `line` is that of the first of them, where they were read from lines.
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
