"""Events that were published together and did not all arrive: the lost ones and the refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.fact import Family
from sources.client.protocol import FailedDelivery, Publisher

_BySourceAndId: TypeAlias = Mapping[tuple[str, str], FailedDelivery]


class Undelivered(NamedTuple):
    """What did not arrive, by an event's source and id."""

    lost: _BySourceAndId
    """To be sent again."""
    refused: _BySourceAndId
    """Judged invalid, and so they would be again."""


def publish_all(publisher: Publisher, events: Iterable[CloudEvent]) -> Undelivered:
    """Publish events and wait for their outcomes; return those that did not arrive.

    After an event that cannot be published its family is left: its topic would be waited for anew
    by each of them.
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
    return Undelivered(
        {identity: one for identity, one in by_identity if not one.refused},
        {identity: one for identity, one in by_identity if one.refused},
    )
