"""Publishers of events: on Kafka, through the gateway, or nowhere."""

from boundary.retry_policy import RetryPolicy
from sources.client.credentials import (
    BearerToken,
    Credentials,
    SignedRequests,
    load_credentials,
)
from sources.client.gateway import GatewayPublisher
from sources.client.gateway_answer import GatewayRefusedError, GatewayUnavailableError
from sources.client.kafka import KafkaPublisher, PublisherOptions
from sources.client.protocol import (
    DeliveryReport,
    FailedDelivery,
    NullPublisher,
    Publisher,
    SearchedPublisher,
    publish_all,
)
from sources.client.spool import Spool, SpoolFullError

__all__ = [
    "BearerToken",
    "Credentials",
    "DeliveryReport",
    "FailedDelivery",
    "GatewayPublisher",
    "GatewayRefusedError",
    "GatewayUnavailableError",
    "KafkaPublisher",
    "NullPublisher",
    "Publisher",
    "PublisherOptions",
    "RetryPolicy",
    "SearchedPublisher",
    "SignedRequests",
    "Spool",
    "SpoolFullError",
    "load_credentials",
    "publish_all",
]
