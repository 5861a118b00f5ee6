"""A gateway before the tests' broker, and its topics read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from broker.clients import opened
from events.topics import DEAD_LETTERS
from tests.support.gateway import PRODUCER
from tests.support.gateways import Credentials, Gateway, issue_credentials

PRODUCERS_FILE = f"""\
producers:
  - id: {PRODUCER}
    title: Lycées
    contact: lycees
    sources: [/lycees]
    types: [school.connected, school.closed]
    quota: {{ events_per_second: 1_000_000, burst: 1_000_000 }}
    expected_every: daily
  - id: subventions
    title: Subventions
    contact: subventions
    sources: [/subventions]
    types: [grant.*]
    quota: {{ events_per_second: 10, burst: 10 }}
    expected_every: daily
  - id: prives
    title: Lycées privés
    contact: prives
    sources: [/lycees/prives]
    types: [school.connected]
    quota: {{ events_per_second: 10, burst: 10 }}
    expected_every: daily
  - id: mairies
    title: Mairies
    contact: mairies
    sources: [/mairies]
    types: [school.closed]
    quota: {{ events_per_second: 1_000_000, burst: 1_000_000 }}
    expected_every: daily
  - id: hopitaux
    title: Hôpitaux
    contact: hopitaux
    sources: [/hopitaux]
    types: [school.closed]
    quota: {{ events_per_second: 1_000_000, burst: 1_000_000 }}
    expected_every: daily
"""


def declared(folder: Path) -> Path:
    """Write the producers' declaration of `tests.support.gateway`, without limits."""
    file = folder / "producers.yaml"
    file.write_text(PRODUCERS_FILE, encoding="utf-8")
    return file


@contextmanager
def running_gateway(
    bootstrap: str, folder: Path, *, haproxy: Mapping[str, str] | None = None, **settings: str
) -> Iterator[tuple[Gateway, Credentials]]:
    """Yield a gateway that accepts events, and a producer's credentials.

    Settings are named as in `gateway.settings`. With variables for HAProxy, which may be none, it
    stands before the gateway.
    """
    credentials = issue_credentials(PRODUCER, folder)
    variables = {f"SMART_REGION_{name.upper()}": value for name, value in settings.items()}
    variables["SMART_REGION_PRODUCERS"] = str(declared(folder))
    if haproxy is not None:
        variables["SMART_REGION_GATEWAY_HAPROXY"] = str(folder)
    with ExitStack() as stack:
        gateway = stack.enter_context(
            Gateway(bootstrap, folder, secrets=credentials.file, settings=variables)
        )
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
