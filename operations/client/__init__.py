"""Publishers of events: on Kafka, through the producers' door, into a list, or nowhere."""

from operations.client.credentials import (
    BearerToken,
    Credentials,
    CredentialsError,
    SignedRequests,
    load_credentials,
)
from operations.client.gateway import DoorAddressError, DoorOptions, DoorPublisher
from operations.client.gateway_answer import DoorAwayError, DoorRefusedError
from operations.client.kafka import ContentMode, KafkaPublisher, PublisherOptions
from operations.client.memory import NullPublisher, RecordingPublisher
from operations.client.protocol import DeliveryReport, FailedDelivery, Publisher
from operations.client.retries import Patience
from operations.client.spool import Spool, SpoolBusyError, SpoolFullError, SpoolUnusableError

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
