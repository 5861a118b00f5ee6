"""A gateway before the tests' broker, and its topics read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from broker.clients import opened
from events.producers.model import Producer, Quota
from events.topics import DEAD_LETTERS
from tests.support.children import environment_variables
from tests.support.gateway import PRODUCER
from tests.support.gateways import Credentials, Gateway, issue_credentials
from tests.support.producers import UNLIMITED, declared, producer

_TEN = Quota(events_per_second=10, burst=10)
PRODUCERS = (
    producer(PRODUCER, "/lycees", types=("school.connected", "school.closed"), quota=UNLIMITED),
    producer("subventions", "/subventions", types=("grant.*",), quota=_TEN),
    producer("prives", "/lycees/prives", types=("school.connected",), quota=_TEN),
    producer("mairies", "/mairies", types=("school.closed",), quota=UNLIMITED),
    producer("hopitaux", "/hopitaux", types=("school.closed",), quota=UNLIMITED),
)
"""Those of `tests.support.gateway` without limits, and others."""


def new_gateway(
    bootstrap: str, folder: Path, *producers: Producer, **settings: str
) -> tuple[Gateway, Credentials]:
    """Return a gateway that is not started, and the credentials of the first of its producers.

    They are PRODUCERS by default. Settings are named as in `gateway.settings`.
    """
    producers = producers or PRODUCERS
    credentials = issue_credentials(producers[0].id, folder)
    variables = environment_variables({"producers": str(declared(folder, *producers)), **settings})
    gateway = Gateway(bootstrap, folder, secrets=credentials.file, settings=variables)
    return gateway, credentials


@contextmanager
def running_gateway(
    bootstrap: str, folder: Path, *, haproxy: Mapping[str, str] | None = None, **settings: str
) -> Iterator[tuple[Gateway, Credentials]]:
    """Yield a gateway that accepts events, and a producer's credentials.

    With variables for HAProxy, which may be none, it stands before the gateway.
    """
    behind = {} if haproxy is None else {"gateway_haproxy": str(folder)}
    gateway, credentials = new_gateway(bootstrap, folder, **behind, **settings)
    with gateway, ExitStack() as stack:
        if haproxy is not None:
            stack.enter_context(gateway.behind_haproxy(folder, **haproxy))
        yield gateway, credentials


@contextmanager
def consumer(bootstrap: str) -> Iterator[Any]:
    client = opened(KafkaConsumer, bootstrap, consumer_timeout_ms=10_000)
    try:
        yield client
    finally:
        client.close()


def ends_of(bootstrap: str, *topics: str) -> dict[TopicPartition, int]:
    """Return where topics end now, by default that of dead letters."""
    with consumer(bootstrap) as client:
        return dict(client.end_offsets(_partitions(client, topics)))


def records_of(
    bootstrap: str, *topics: str, since: Mapping[TopicPartition, int] | None = None
) -> list[Any]:
    """Read topics, by default that of dead letters, to their current end.

    They are read from their beginning, or from what `ends_of` returned.
    """
    with consumer(bootstrap) as client:
        partitions = _partitions(client, topics)
        client.assign(partitions)
        client.seek_to_beginning(*partitions)
        for partition, offset in (since or {}).items():
            client.seek(partition, offset)
        ends = client.end_offsets(partitions)
        found: list[Any] = []
        while any(client.position(one) < ends[one] for one in partitions):
            for records in client.poll(timeout_ms=500).values():
                found += records
        return found


def _partitions(client: Any, topics: tuple[str, ...]) -> list[TopicPartition]:  # noqa: ANN401 - kafka-python ships no annotations
    return [
        TopicPartition(topic, partition)
        for topic in topics or (DEAD_LETTERS,)
        for partition in client.partitions_for_topic(topic)
    ]
