"""Losses on a real broker: named by a command, and accepted by it."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from kafka import TopicPartition
from kafka.errors import CoordinatorNotAvailableError
from kafka.structs import OffsetAndMetadata

from broker.reading import read_topics
from broker.writing import KafkaWriter
from events.cloudevent import encode_structured
from events.fact import Family
from events.last_record import LastRecord
from events.records import OutgoingRecord
from events.topics import DEFAULT_APP_ID, topic_name
from streams.decisions import read_decisions
from tests.support.commands import run_inside
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(240), pytest.mark.integration]

SCHOOLS = topic_name(Family.SCHOOLS)
PLACE = f"{SCHOOLS}/3"
PARTITION = TopicPartition(SCHOOLS, 3)


def send(broker: KafkaBroker, count: int) -> None:
    encoded = encode_structured(event("school.connected", uai("0750001"), "2018-03-01"))
    record = OutgoingRecord(SCHOOLS, 3, encoded.key, encoded.value, encoded.headers)
    with KafkaWriter(broker.bootstrap) as writer:
        writer.send([record] * count)


def commit(broker: KafkaBroker, last: LastRecord) -> None:
    metadata = json.dumps({"version": 1, "last": last.model_dump()})
    offsets = {PARTITION: OffsetAndMetadata(last.offset + 1, metadata, -1)}

    def is_committed() -> bool:
        # The coordinator of the first group is not there at once.
        with broker.admin() as admin, suppress(CoordinatorNotAvailableError):
            admin.alter_group_offsets(DEFAULT_APP_ID, offsets)
            return True
        return False

    assert wait_until(is_committed, seconds=30)


def accept(broker: KafkaBroker, *options: str) -> str:
    done = run_inside(
        broker, "topics", "accept-loss", PLACE, "--because", "the disk failed", *options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def nothing_to_accept(broker: KafkaBroker) -> str:
    done = run_inside(broker, "topics", "accept-loss", PLACE, "--because", "x", "--yes")
    assert done.returncode == 2, done.stdout
    return done.stderr


def test_a_loss_is_named_and_accepted_once(broker: KafkaBroker) -> None:
    send(broker, 10)
    records = list(read_topics(broker.bootstrap, topics=[SCHOOLS]))
    last = LastRecord.of(records[-1])
    commit(broker, last)
    assert "all records are there" in nothing_to_accept(broker)
    assert (
        run_inside(broker, "topics", "accept-loss", f"{SCHOOLS}/8", "--because", "x").returncode
        == 2
    )

    with broker.admin() as admin:
        admin.delete_records({PARTITION: 4})
    said = f"{SCHOOLS}[3] begins at offset 4 and ends at offset 10: all records before offset 4"
    assert said in accept(broker)
    assert read_decisions(broker.bootstrap).losses == {}
    assert accept(broker, "--yes").endswith("accepted\n")
    assert "its loss is accepted already" in nothing_to_accept(broker)

    with broker.admin() as admin:
        admin.delete_topics([SCHOOLS])
    assert run_inside(broker, "topics", "apply").returncode == 0
    commit(broker, last)  # Kafka forgets the offsets of a deleted topic; those of a cut log stay.
    send(broker, 5)
    assert "ends at offset 5: the workers had read it up to offset 9" in accept(broker)
    send(broker, 10)
    named = f"{SCHOOLS}[3] ends at offset 15: at offset 9 is another record"
    assert named in run_inside(broker, "doctor").stdout
    assert "at offset 9 is another record" in accept(broker, "--yes")
    assert "partitions whose loss is accepted: 1" in run_inside(broker, "doctor").stdout
    assert "its loss is accepted already" in nothing_to_accept(broker)

    start, replaced = sorted(
        read_decisions(broker.bootstrap).losses[SCHOOLS, 3],
        key=lambda one: one.log_start,
        reverse=True,
    )
    assert (start.log_start, start.last, start.because) == (4, None, "the disk failed")
    assert (replaced.log_start, replaced.last) == (0, last)
    assert "no outcome" not in run_inside(broker, "dead-letters", "list").stderr
