"""Publishers of events: on Kafka, through the producers' door, into a list, or nowhere."""

from events.publisher.kafka import ContentMode, KafkaPublisher, PublisherOptions
from events.publisher.memory import NullPublisher, RecordingPublisher
from events.publisher.protocol import DeliveryReport, FailedDelivery, Publisher

__all__ = [
    "ContentMode",
    "DeliveryReport",
    "FailedDelivery",
    "KafkaPublisher",
    "NullPublisher",
    "Publisher",
    "PublisherOptions",
    "RecordingPublisher",
]
