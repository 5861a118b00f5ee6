"""A broker's topics, emptied between cases and read after them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec

from broker.offsets import partition_offsets
from broker.reading import read_topics
from broker.stored_record import RawRecord
from events.fact import Family
from events.topics import DEAD_LETTERS, DEFAULT_PARTITIONS, topic_name
from tests.support.kafka import KafkaBroker

_EMPTIED: Final = [
    *(
        TopicPartition(topic_name(family), number)
        for family in Family
        for number in range(DEFAULT_PARTITIONS)
    ),
    TopicPartition(DEAD_LETTERS, 0),
]


class Topics:
    """The topics of a broker, with one client to administer them; see `opened`."""

    def __init__(self, broker: KafkaBroker, admin: Any) -> None:  # noqa: ANN401 - untyped client
        self.bootstrap = broker.bootstrap
        self.client = broker.admin
        self._admin = admin

    @classmethod
    @contextmanager
    def opened(cls, broker: KafkaBroker) -> Iterator[Self]:
        with broker.admin() as admin:
            yield cls(broker, admin)

    @property
    def variables(self) -> dict[str, str]:
        return {"SMART_REGION_BROKER": self.bootstrap, "SMART_REGION_CLOCK": "2020-12-31"}

    def empty(self) -> None:
        """Delete all events and dead letters; offsets go on."""
        ends = partition_offsets(self._admin, _EMPTIED, OffsetSpec.LATEST)
        self._admin.delete_records({partition: end for partition, end in ends.items() if end})

    def read(self, *topics: str) -> list[RawRecord]:
        return list(read_topics(self.bootstrap, topics=topics))

    def setting(self, topic: str, name: str) -> str | None:
        """Return a setting that a topic has been given; None where it has the broker's own."""
        found = self._admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        value = found["topic"][topic].get(name, {}).get("value")
        return None if value is None else str(value)
