"""Publishers of events: on Kafka, through the gateway, into a list, or nowhere."""

from boundary.retry_policy import RetryPolicy
from operations.client.credentials import (
    BearerToken,
    Credentials,
    CredentialsError,
    SignedRequests,
    load_credentials,
)
from operations.client.gateway import GatewayAddressError, GatewayOptions, GatewayPublisher
from operations.client.gateway_answer import GatewayAwayError, GatewayRefusedError
from operations.client.kafka import KafkaPublisher, PublisherOptions
from operations.client.memory import NullPublisher, RecordingPublisher
from operations.client.protocol import DeliveryReport, FailedDelivery, Publisher
from operations.client.searched import SearchedPublisher
from operations.client.spool import Spool, SpoolBusyError, SpoolFullError, SpoolUnusableError
from operations.client.undelivered import Undelivered, publish_all

__all__ = [
    "BearerToken",
    "Credentials",
    "CredentialsError",
    "DeliveryReport",
    "FailedDelivery",
    "GatewayAddressError",
    "GatewayAwayError",
    "GatewayOptions",
    "GatewayPublisher",
    "GatewayRefusedError",
    "KafkaPublisher",
    "NullPublisher",
    "Publisher",
    "PublisherOptions",
    "RecordingPublisher",
    "RetryPolicy",
    "SearchedPublisher",
    "SignedRequests",
    "Spool",
    "SpoolBusyError",
    "SpoolFullError",
    "SpoolUnusableError",
    "Undelivered",
    "load_credentials",
    "publish_all",
]
