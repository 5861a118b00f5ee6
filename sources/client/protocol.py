"""The protocol of a publisher: events are queued, and their outcomes reported later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol, Self, TypeAlias

from pydantic_core import to_json

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason
from events.fact import Fact, Family
from events.person_data import find_person_data

ID_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """An event that was not acknowledged, with its cause."""

    event: CloudEvent
    cause: str
    refused: bool = False
    """True if it was judged invalid: a retry would be refused too."""


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
        """Raise DeliveryError if an event or a raw record was not delivered."""
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


class NullPublisher:
    """A publisher for a dry run: it only counts, and reports everything as delivered."""

    def __init__(self) -> None:
        self._count = 0

    def publish(self, event: CloudEvent) -> None:  # noqa: ARG002 - only counted
        """Count the event."""
        self._count += 1

    def flush(self) -> DeliveryReport:
        """Report what was counted since the last report."""
        report = DeliveryReport(self._count)
        self._count = 0
        return report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""


_REMEDY = (
    "leave it out; an enrolment has a pseudonym as `smart-region pseudonymise` makes it"
    " (docs/person-data.md)"
)


class SearchedPublisher:
    """Passes events on to a publisher, except those that look like a person's data.

    These are reported as refused, without the data. The gateway searches what it receives; nothing
    else searches what goes straight to Kafka, where it stays for ever: the contract of trainings
    accepts names in place of a pseudonym, and workers do not search valid events.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._refused: list[FailedDelivery] = []

    def publish(self, event: CloudEvent) -> None:
        """Queue an event, or refuse it. Raises as the publisher."""
        found = find_person_data(
            {
                "id": event.id,
                "source": event.source,
                "type": event.type,
                "tracestate": event.trace.tracestate if event.trace else "",
                "data": event.fact.model_dump(mode="json"),
            }
        )
        if found is None:
            self._publisher.publish(event)
            return
        error = ContractError(RefusalReason.PERSON_DATA, found, None, _REMEDY)
        self._refused.append(FailedDelivery(event, str(error), refused=True))

    def flush(self) -> DeliveryReport:
        """Return the outcomes since the last report, with what was refused."""
        report = self._publisher.flush()
        refused, self._refused = self._refused, []
        return replace(report, failed=(*report.failed, *refused))

    def __enter__(self) -> Self:
        self._publisher.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *others: object) -> None:
        try:
            if kind is None:
                self.flush().check()
        finally:
            self._publisher.__exit__(kind, *others)


class DeliveryError(SmartRegionError):
    """Valid events were not acknowledged by the broker or the gateway.

    `line` is the line of the first one, if they were read from a file.
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


def event_by_content(fact: Fact, *, source: str, time: datetime) -> CloudEvent:
    """Return the event of a fact, with a digest of everything else in it as its id.

    The same fact, recorded at the same time, is always the same event. Raises ContractError.
    """
    content = to_json([source, time, fact.TYPE, fact])
    return CloudEvent(sha256(content).hexdigest()[:ID_DIGITS], source, time, fact)


_BySourceAndId: TypeAlias = Mapping[tuple[str, str], FailedDelivery]


def publish_all(
    publisher: Publisher, events: Iterable[CloudEvent]
) -> tuple[_BySourceAndId, _BySourceAndId]:
    """Publish events and wait for their outcomes.

    Return those that are to be sent again, and those that were judged invalid, by source and id.
    After an event that cannot be published, the rest of its family is not tried: each would wait
    for the missing topic again.
    """
    away: dict[Family, str] = {}
    failed: list[FailedDelivery] = []
    for event in events:
        family = event.fact.FAMILY
        if family not in away:
            try:
                publisher.publish(event)
            except SmartRegionError as error:
                away[family] = str(error)
        if family in away:
            failed.append(FailedDelivery(event, away[family]))
    failed += publisher.flush().failed
    by_identity = [((one.event.source, one.event.id), one) for one in failed]
    return (
        {identity: one for identity, one in by_identity if not one.refused},
        {identity: one for identity, one in by_identity if one.refused},
    )
