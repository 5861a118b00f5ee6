"""Reading the changelogs: whole, without a group, also where a broker reports too low an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer

from broker.errors import TopicMismatchError
from broker.reading import open_reader
from broker.topic_admin import apply_topics
from catalogue.loader import load_catalogue
from events.fact import Family
from events.topics import DEFAULT_APP_ID, changelog_name, declared_topics
from simulation.demo.embedded_broker import EmbeddedBroker
from streams.changelog_reader import ChangelogsEmptyError, open_changelogs, read_changelogs
from streams.settings import Settings
from streams.state import encode_state
from tests.support.histories import event, state_of
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until

CATALOGUE = load_catalogue()
PARTITIONS = 2
#: In one batch: a broker that reports the last batch's base as the end would hide nearly all.
GRANTS = 700


@pytest.fixture(scope="module")
def embedded() -> Iterator[Settings]:
    """Yield the settings of a demo's broker with the monitor's topics."""
    with EmbeddedBroker() as broker:
        apply_topics(broker.bootstrap, declared_topics(partitions=PARTITIONS))
        yield Settings(broker=broker.bootstrap, partitions=PARTITIONS)


async def write(settings: Settings, partition: int, first: int, count: int) -> None:
    """Write the states of so many grants to their changelog, in one batch."""
    topic = changelog_name(settings.app_id, Family.GRANTS)
    async with AIOKafkaProducer(
        bootstrap_servers=settings.broker, max_batch_size=1_000_000
    ) as producer:
        batch = producer.create_batch()
        for number in range(first, first + count):
            committed = event("grant.committed", f"grant-{number}", "2018-01-01")
            key, value = f"grant-{number}".encode(), encode_state(state_of(committed))
            assert batch.append(key=key, value=value, timestamp=None)
        batch.close()
        await (await producer.send_batch(batch, topic, partition=partition))


def test_says_that_nothing_is_known(embedded: Settings) -> None:
    """Empty changelogs are most likely those of another application."""
    with pytest.raises(ChangelogsEmptyError, match="SMART_REGION_APP_ID"):
        read_changelogs(embedded, CATALOGUE)


def test_another_number_of_partitions_is_a_wrong_setting(embedded: Settings) -> None:
    """Those beyond it were read, and not compared with what the workers wrote."""
    settings = Settings(broker=embedded.broker, partitions=PARTITIONS - 1)
    with pytest.raises(TopicMismatchError, match="SMART_REGION_PARTITIONS"):
        read_changelogs(settings, CATALOGUE)


def test_reads_large_last_batches_whole_and_follows(embedded: Settings) -> None:
    """All states of all partitions are held, and those that come later too."""
    asyncio.run(write(embedded, 0, 0, GRANTS))
    asyncio.run(write(embedded, 1, GRANTS, GRANTS))
    assert read_changelogs(embedded, CATALOGUE).entities()[Family.GRANTS] == 2 * GRANTS
    with open_changelogs(embedded, CATALOGUE) as changelog_reader:

        def holds(count: int) -> bool:
            changelog_reader.poll(timeout=60)
            return (
                changelog_reader.caught_up
                and changelog_reader.state_store.entities()[Family.GRANTS] == count
            )

        assert wait_until(lambda: holds(2 * GRANTS), seconds=20)
        asyncio.run(write(embedded, 1, 2 * GRANTS, GRANTS))
        assert wait_until(lambda: holds(3 * GRANTS), seconds=20)
        assert changelog_reader.lag() == 0


def test_a_broker_with_nothing_new_answers(broker: KafkaBroker, embedded: Settings) -> None:
    """Asked for something small, so that silence is distinguished from absence; the demo's too."""
    topics = [changelog_name(DEFAULT_APP_ID, Family.GRANTS)]
    for bootstrap in (broker.bootstrap, embedded.broker):
        with open_reader(bootstrap, topics) as reader:
            assert reader.answers(wait_seconds=10)


def test_joins_no_group(broker: KafkaBroker) -> None:
    """Workers keep their partitions, and no group is left behind on the broker."""
    with open_changelogs(Settings(broker=broker.bootstrap), CATALOGUE) as changelog_reader:
        assert wait_until(
            lambda: changelog_reader.poll(timeout=60) == 0 and changelog_reader.caught_up,
            seconds=20,
        )
        with broker.admin() as admin:
            assert admin.list_groups() == []
