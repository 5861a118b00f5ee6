"""Sends with a generated client, in each way that there is, and shows what was answered."""

import os
import sys
from datetime import UTC, date, datetime

from openapi_client import (  # type: ignore[import-not-found] # the test generates it
    ApiClient,
    Configuration,
    Event,
    EventsApi,
    EventType,
    SchoolClosed,
    SchoolClosedEvent,
    SchoolConnected,
    SchoolConnectedEvent,
    SchoolWorkspaceActivated,
)

SOURCE = "urn:iledefrance:lycees"
TIME = datetime(2019, 3, 11, 9, 30, tzinfo=UTC)


def connected(event_id: str, uai: str = "0750419Y") -> Event:
    """Return an event; with another UAI it is one that the contract refuses."""
    return Event(
        SchoolConnectedEvent(
            specversion="1.0",
            id=event_id,
            source=SOURCE,
            time=TIME,
            type=EventType.SCHOOL_CONNECTED_V1,
            data=SchoolConnected(uai=uai, connected_on=date(2019, 3, 8), downlink_mbps=1000),
        )
    )


def closed(event_id: str) -> Event:
    event = SchoolClosedEvent(
        specversion="1.0",
        id=event_id,
        source=SOURCE,
        time=TIME,
        type=EventType.SCHOOL_CLOSED_V1,
        data=SchoolClosed(uai="0750652B", closed_on=date(2019, 3, 8)),
    )
    event.additional_properties["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00-01"
    return Event(event)


def show(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


gateway = Configuration(host=os.environ["GATEWAY"], access_token=os.environ["TOKEN"])
with ApiClient(gateway) as client:
    events = EventsApi(client)

    receipts = events.send_event(connected("python-1")).receipts
    show("event", *(one.id for one in receipts))

    answer = events.send_batch([connected("python-2"), closed("python-3")])
    show("batch", *(one.id for one in answer.receipts))

    answer = events.send_batch([connected("python-4"), connected("python-5", "0750419A")])
    show("mixed", *(one.status for one in answer.items), answer.items[1].problem.var_field)

    fact = SchoolWorkspaceActivated(uai="0750419Y", activated_on=date(2019, 3, 11))
    receipts = events.send_binary(
        ce_specversion="1.0",
        ce_id="python-6",
        ce_source=SOURCE,
        ce_type=EventType.SCHOOL_WORKSPACE_ACTIVATED_V1,
        ce_time=TIME.isoformat(),
        body=fact.to_dict(),
    ).receipts
    show("binary", *(one.id for one in receipts))
