"""Going on where topics were read up to, on a real Kafka and on the demo's broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from broker.clients import opened
from broker.errors import PositionsOutdatedError
from broker.reading import TopicReader, open_reader
from operations.programs.addresses import free_address
from simulation.demo.embedded_broker import embedded_broker
from tests.support.waiting import wait_until

TOPIC = "events"
SECONDS = 30.0


@pytest.fixture(params=["kafka", "embedded"])
def bootstrap(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "kafka":
        address: str = request.getfixturevalue("kafka").bootstrap
        create(address)
        yield address
        return
    address = free_address()
    with embedded_broker(address, tmp_path):
        create(address)
        yield address


@contextmanager
def admin_of(bootstrap: str) -> Iterator[Any]:
    admin = opened(KafkaAdminClient, bootstrap)
    try:
        yield admin
    finally:
        admin.close()


def create(bootstrap: str) -> None:
    with admin_of(bootstrap) as admin:
        admin.create_topics({TOPIC: {"num_partitions": 2, "replication_factor": 1}})


def write(bootstrap: str, *values: bytes) -> None:
    producer: Any = opened(KafkaProducer, bootstrap, batch_size=0)
    for value in values:
        producer.send(TOPIC, value, partition=0).get(timeout=SECONDS)
    producer.close()


def read(reader: TopicReader) -> list[bytes | None]:
    found = []
    ends = monotonic() + SECONDS
    while not reader.caught_up and monotonic() < ends:
        found += [record.value for record in reader.poll()]
    assert reader.caught_up
    return found


@pytest.mark.parametrize(("position", "left"), [(2, [b"2"]), (3, [])], ids=["more", "nothing new"])
def test_goes_on_where_it_was_read_up_to(bootstrap: str, position: int, left: list[bytes]) -> None:
    write(bootstrap, b"0", b"1", b"2")

    with open_reader(bootstrap, [TOPIC], positions={(TOPIC, 0): position}) as reader:
        assert read(reader) == left


def test_a_broker_with_nothing_new_answers(bootstrap: str) -> None:
    with open_reader(bootstrap, [TOPIC]) as reader:
        reader.answered_at = reader._probed_at = monotonic() - 60
        reader.check_answering(bootstrap, timeout=30)
        assert monotonic() - reader.answered_at < SECONDS


@pytest.mark.parametrize("values", [(), (b"other",)], ids=["empty", "shorter"])
def test_a_shorter_topic_was_made_anew(bootstrap: str, values: tuple[bytes, ...]) -> None:
    write(bootstrap, *values)

    with (
        open_reader(bootstrap, [TOPIC], positions={(TOPIC, 0): 5}) as reader,
        pytest.raises(PositionsOutdatedError, match=r"events\[0\] ends before offset 5"),
    ):
        wait_until(lambda: reader.poll() != [], seconds=SECONDS)
