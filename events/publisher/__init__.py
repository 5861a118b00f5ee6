"""Publishers of events: on Kafka, through the producers' door, into a list, or nowhere."""

from events.publisher.credentials import (
    BearerToken,
    Credentials,
    CredentialsError,
    SignedRequests,
    load_credentials,
)
from events.publisher.door import DoorAddressError, DoorOptions, DoorPublisher
from events.publisher.door_answer import DoorAwayError, DoorRefusedError
from events.publisher.kafka import ContentMode, KafkaPublisher, PublisherOptions
from events.publisher.memory import NullPublisher, RecordingPublisher
from events.publisher.patience import Patience
from events.publisher.protocol import DeliveryReport, FailedDelivery, Publisher
from events.publisher.spool import Spool, SpoolBusyError, SpoolFullError, SpoolUnusableError

__all__ = [
    "BearerToken",
    "ContentMode",
    "Credentials",
    "CredentialsError",
    "DeliveryReport",
    "DoorAddressError",
    "DoorAwayError",
    "DoorOptions",
    "DoorPublisher",
    "DoorRefusedError",
    "FailedDelivery",
    "KafkaPublisher",
    "NullPublisher",
    "Patience",
    "Publisher",
    "PublisherOptions",
    "RecordingPublisher",
    "SignedRequests",
    "Spool",
    "SpoolBusyError",
    "SpoolFullError",
    "SpoolUnusableError",
    "load_credentials",
]
