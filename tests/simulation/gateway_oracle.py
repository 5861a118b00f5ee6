"""The judgement of a gateway: what it told its producers, and what is on the topics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING

from gateway.admission import Admission, AdmittedItem
from gateway.http_binding import read_delivery
from gateway.problems import ProblemError
from tests.simulation.gateway_producers import STRUCTURED, owner_of

if TYPE_CHECKING:
    from events.producers.model import Producers
    from tests.simulation.gateway_producers import Deliveries
    from tests.simulation.oracle import Stored


def gateway_problems(deliveries: Deliveries, stored: Stored, producers: Producers) -> Iterator[str]:
    """Yield each receipt without its event, each event twice, and each verdict that is another's.

    Whether an event is to be accepted, the gateway's own admission says, asked in quiet.
    """
    admission = Admission(producers, now=lambda: datetime.fromtimestamp(time(), UTC))
    positions: dict[tuple[str, int, int], tuple[str, str]] = {}
    for value, receipt in deliveries.accepted:
        event = (receipt.source, receipt.id)
        if not _is_admitted(admission, value, producers):
            yield f"the gateway accepted {value!r}"
            continue
        sent = json.loads(value)
        if event != (sent["source"], sent["id"]):
            yield f"the gateway gave {event} as the receipt of {value!r}"
        if receipt.offset is None:
            partition = (receipt.topic, receipt.partition)
            if not any(one == value for at, one in stored.items() if at[:2] == partition):
                yield f"the gateway's receipt without an offset, {receipt}, has no event"
            continue
        position = (receipt.topic, receipt.partition, receipt.offset)
        if stored.get(position) != value:
            yield f"the gateway's receipt {receipt} has no event: {stored.get(position)!r}"
        if positions.setdefault(position, event) != event:
            yield f"the gateway gave the position {position} to two events"
    for value, problem in deliveries.refused:
        if _is_admitted(admission, value, producers):
            yield f"the gateway refused as {problem} {value!r}"


def _is_admitted(admission: Admission, value: bytes, producers: Producers) -> bool:
    try:
        (item,) = read_delivery({b"content-type": STRUCTURED.encode()}, value).items
    except ProblemError:
        return False
    owner = owner_of(producers, value)
    return owner is not None and isinstance(admission.judge(item, owner.id), AdmittedItem)
