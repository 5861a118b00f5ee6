"""Publishers that need no broker; the Kafka one is tested on a real broker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.cloudevent import CloudEvent
from events.errors import BrokerUnreachableError
from events.publisher import (
    ONE_BY_ONE,
    DeliveryReport,
    KafkaPublisher,
    NullPublisher,
    Publisher,
    PublisherOptions,
    RecordingPublisher,
)
from tests.support.facts import cloud_events


@pytest.mark.parametrize("kind", [RecordingPublisher, NullPublisher])
@given(events=st.lists(cloud_events(), max_size=3))
def test_a_report_tells_of_the_events_since_the_last(
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


@pytest.mark.usefixtures("refused_connections")
def test_no_broker_is_one_readable_error() -> None:
    """Where nothing listens, the error comes within the time allowed and says what was met."""
    options = PublisherOptions(connect_seconds=0.3)
    with pytest.raises(BrokerUnreachableError, match=r"ECONNREFUSED.*check the address"):
        KafkaPublisher("127.0.0.1:1", options=options)


def test_options_for_the_embedded_broker() -> None:
    """That broker is exact on single records only, and knows no idempotent producer."""
    assert (ONE_BY_ONE.batch_bytes, ONE_BY_ONE.idempotent) == (0, False)


def test_unknown_options_are_refused() -> None:
    """A misspelt option is not silently ignored."""
    with pytest.raises(ValidationError, match="lingerms"):
        PublisherOptions(lingerms=1)  # type: ignore[call-arg]
