"""Publishers that keep or forget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import CloudEvent
from sources.client import DeliveryReport, NullPublisher, Publisher, RecordingPublisher
from tests.support.facts import cloud_events


@pytest.mark.parametrize("kind", [RecordingPublisher, NullPublisher])
@given(events=st.lists(cloud_events(), max_size=3))
def test_a_report_counts_the_events_since_the_last(
    kind: type[Publisher], events: list[CloudEvent]
) -> None:
    """Each flush reports what was published since the previous one."""
    with kind() as publisher:
        for event in events:
            publisher.publish(event)
        assert publisher.flush() == DeliveryReport(delivered=len(events))
        assert publisher.flush() == DeliveryReport(delivered=0)


@given(events=st.lists(cloud_events(), max_size=3))
def test_a_recording_keeps_the_order(events: list[CloudEvent]) -> None:
    """A test sees what was published, in the order of publication."""
    publisher = RecordingPublisher()
    for event in events:
        publisher.publish(event)
    assert publisher.events == events
