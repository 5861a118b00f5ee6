"""A publisher that refuses what looks like a person's data, before it is on a topic for ever.

The gateway searches what it receives. Nothing else searches what goes straight to Kafka: the
contract of trainings accepts names in place of a pseudonym, and workers do not search valid events.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason
from events.person_data import find_person_data
from sources.client.protocol import DeliveryReport, FailedDelivery, Publisher

_REMEDY = (
    "leave it out; an enrolment has a pseudonym as `smart-region pseudonymise` makes it"
    " (docs/person-data.md)"
)


class SearchedPublisher:
    """Passes events on to a publisher, except those that look like a person's data.

    These are reported as refused, without the data.
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
