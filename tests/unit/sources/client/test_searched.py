"""Events that look like a person's data do not reach a topic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from events.cloudevent import CloudEvent
from events.trace_context import TraceContext
from sources.client import SearchedPublisher
from sources.client.protocol import DeliveryError
from tests.support.histories import event, uai
from tests.support.traces import PARENT
from tests.support.watched_publisher import RecordingPublisher

NAME = "jean-moulin-1943"
MAIL = "jean.moulin@example.org"
PSEUDONYM = f"k1-{'0' * 32}"


def enrolled(person: str) -> CloudEvent:
    return event("training.enrolled", person, "2019-03-11")


@pytest.mark.parametrize(
    ("personal", "field"),
    [
        (enrolled(NAME), "data.enrolment_id"),
        (replace(event("school.closed", uai("0750001"), "2019-03-11"), id="Jean Moulin"), "id"),
        (replace(enrolled(PSEUDONYM), trace=TraceContext(PARENT, f"a={MAIL}")), "tracestate"),
    ],
    ids=["a name where a pseudonym belongs", "a name as the id", "an address in a trace's state"],
)
def test_what_looks_like_a_persons_data_is_refused(personal: CloudEvent, field: str) -> None:
    inner = RecordingPublisher()
    publisher, proper = SearchedPublisher(inner), enrolled(PSEUDONYM)

    for one in (proper, personal):
        publisher.publish(one)
    report = publisher.flush()

    assert inner.events == [proper]
    (failed,) = report.failed
    assert (report.delivered, failed.event, failed.refused) == (1, personal, True)
    assert failed.cause.startswith(f"{field}: looks like a person's data")
    assert NAME not in failed.cause
    assert "Moulin" not in failed.cause
    assert publisher.flush().failed == ()


def test_a_refusal_that_nobody_asked_for_is_an_error() -> None:
    """Whoever leaves the context without a report learns that something did not arrive."""
    with pytest.raises(DeliveryError), SearchedPublisher(RecordingPublisher()) as publisher:
        publisher.publish(enrolled(NAME))
