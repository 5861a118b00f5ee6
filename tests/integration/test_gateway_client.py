"""The producers' client before the real gateway and a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from broker.reading import read_topics
from events.cloudevent import CloudEvent, decode
from events.fact import Family
from events.signing import SigningSecret
from events.topics import topic_name
from sources.client import BearerToken, GatewayPublisher, SignedRequests
from tests.support.gateways import Credentials, Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.spooling_producer import numbered

PRODUCER = "lycees"
SCHOOLS = topic_name(Family.SCHOOLS)


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return issue_credentials(PRODUCER, tmp_path)


@pytest.fixture
def gateway(broker: KafkaBroker, credentials: Credentials, tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(broker.bootstrap, tmp_path, secrets=credentials.file) as gateway:
        yield gateway


def on_topic(broker: KafkaBroker) -> list[CloudEvent]:
    records = sorted(
        read_topics(broker.bootstrap, topics=[SCHOOLS]), key=lambda record: record.offset
    )
    return [decode(record.headers, record.value) for record in records]


@pytest.mark.parametrize("signs", [False, True])
def test_what_is_delivered_is_on_the_topic(
    gateway: Gateway, broker: KafkaBroker, credentials: Credentials, *, signs: bool
) -> None:
    secret = SigningSecret.from_text(credentials.signing_secret)
    proof = SignedRequests(PRODUCER, secret) if signs else BearerToken(SecretStr(credentials.token))
    events = [numbered(number) for number in range(1_200)]
    with GatewayPublisher(gateway.url, proof) as publisher:
        for one in events:
            publisher.publish(one)
        assert publisher.flush().delivered + publisher.flush().delivered == len(events)
    assert on_topic(broker) == events
