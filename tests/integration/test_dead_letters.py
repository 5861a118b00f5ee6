"""Dead letters on a real broker: sent again after a fix, none lost and none counted twice."""

from __future__ import annotations

import subprocess
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime

import pytest
from kafka import KafkaProducer

from audit.recount import audit_records
from broker.clients import opened
from broker.errors import BrokerUnreachableError
from broker.reading import read_topics
from broker.stored_record import RawRecord
from broker.writing import KafkaWriter
from catalogue.loader import load_catalogue
from events.cloudevent import decode
from events.dead_letters import (
    REPLAY_OF,
    DeadLetter,
    LetterPosition,
    RecordOrigin,
    sizes_of,
)
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.records import OutgoingRecord
from events.registry import FACTS_BY_NAME
from events.topics import topic_name
from operations.dead_letters.entry import Entry, EntryStatus, LetterCounts
from operations.dead_letters.full_record import full_records
from operations.dead_letters.ledger import read_entries
from tests.support.commands import run, run_inside
from tests.support.kafka import KafkaBroker
from tests.support.letters import letter_of, refused
from tests.support.recounts import compare
from tests.support.traffic import Message, region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(300)

FLOOD = 20_000
LAST_DAY = date(2020, 12, 31)
FORGOTTEN = FACTS_BY_NAME["school.connected"].TYPE
REFUSED_AT = datetime(2019, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def lycees() -> list[Message]:
    return [
        message
        for message in a_half_year()
        if message.family is Family.SCHOOLS and is_valid(message)
    ]


def a_half_year() -> list[Message]:
    return region(5, date(2016, 1, 1), date(2016, 6, 30))


def is_valid(message: Message) -> bool:
    try:
        decode(message.headers, message.value, family=message.family)
    except ContractError:
        return False
    return True


def read(broker: KafkaBroker) -> list[Entry]:
    foreign: list[ValueError] = []
    found = list(read_entries(broker.bootstrap, on_foreign_record=foreign.append))
    assert foreign == []
    return found


def counts(broker: KafkaBroker) -> LetterCounts:
    return LetterCounts.of(read(broker))


def differences(broker: KafkaBroker, worker: Worker) -> tuple[str, ...]:
    assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
    worker.wait_ready()
    audit = audit_records(read_topics(broker.bootstrap), load_catalogue(), LAST_DAY)
    return compare(audit, [worker.url]).differences


def dead_letters(broker: KafkaBroker, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_inside(broker, "dead-letters", *arguments)


def of_an_old_release(factory: WorkerFactory) -> Worker:
    fault = f"unknown:{FORGOTTEN}"
    return factory.worker("old", module="tests.support.faulty_worker", test_fault=fault)


@pytest.fixture(scope="module")
def forgotten(lycees: list[Message]) -> list[Message]:
    return [one for one in lycees if decode(one.headers, one.value).type == FORGOTTEN]


def test_a_bad_deploy_is_an_alarm_until_its_letters_are_replayed_after_the_fix(
    broker: KafkaBroker, factory: WorkerFactory, forgotten: list[Message]
) -> None:
    """What is replayed before is refused again, and given up after so many attempts."""
    letters = len(forgotten)
    send(broker.bootstrap, forgotten)
    old = of_an_old_release(factory)
    old.start()
    assert differences(broker, old)
    assert counts(broker).waiting == letters > 20
    cause = 'alarm_info{family="schools",field="type",reason="unknown_type"} 1.0'
    assert wait_until(lambda: old.shows(cause), seconds=20), old.metrics()
    assert old.shows(f'dead_letter_share{{family="schools"}} {min(letters, 100) / 100}')
    assert old.log.count("dead letter share family=schools") == 1

    early = dead_letters(broker, "replay")
    assert early.stdout.startswith(f"{letters} sent again"), early.stderr
    assert wait_done(broker.bootstrap, seconds=60), old.log[-3000:]
    waiting = [entry for entry in read(broker) if entry.status is EntryStatus.WAITING]
    assert [entry.attempts for entry in waiting] == [1] * letters
    stopped = dead_letters(broker, "replay", "--max-attempts", "1")
    given_up = f"0 sent again, 0 still refused, {letters} tried too often\n"
    assert (stopped.returncode, stopped.stdout) == (1, given_up)
    assert old.stop() == 0

    repaired = factory.worker("repaired")
    repaired.start()
    first = run(broker, "dead-letters", "replay", "--reason", "unknown_type")
    sent = f"{letters} sent again, 0 still refused, 0 tried too often\n"
    assert (first.returncode, first.stdout) == (0, sent), first.stderr
    assert dead_letters(broker, "replay").stdout.startswith("0 sent again, 0 still refused")
    assert differences(broker, repaired) == ()
    assert repaired.shows('dead_letter_share{family="schools"} 0.0')
    assert not repaired.shows("alarm_info{")
    entries = read(broker)
    assert LetterCounts.of(entries) == LetterCounts(
        waiting=0, replayed=2 * letters, discarded=0, returned=letters
    )
    copies_are_the_refused_records(list(read_topics(broker.bootstrap)), entries)


def copies_are_the_refused_records(records: list[RawRecord], entries: list[Entry]) -> None:
    """Check that each letter has one copy, which is its record byte for byte."""
    originals = {(one.topic, one.partition, one.offset): one for one in records}
    origins = {entry.letter.position: entry.letter.origin for entry in entries}
    found: Counter[LetterPosition] = Counter()
    for copy in records:
        if position := dict(copy.headers).get(REPLAY_OF):
            replayed = LetterPosition.parse(position.decode())
            found[replayed] += 1
            original = originals[origins[replayed]]
            assert copy[:2] == original[:2]
            assert (copy.key, copy.value) == (original.key, original.value)
            assert own_headers(copy) == own_headers(original)
    assert found == Counter(origins.keys())


def own_headers(record: RawRecord) -> list[tuple[str, bytes | None]]:
    return [(name, value) for name, value in record.headers if "smartregion" not in name]


def test_a_flood_of_refusals_is_a_few_dead_letters(
    broker: KafkaBroker, factory: WorkerFactory, forgotten: list[Message]
) -> None:
    """Each record counts; those that are valid today are read from their topic and sent again."""
    worker = of_an_old_release(factory)
    topic = topic_name(Family.SCHOOLS)
    with closing(
        opened(KafkaProducer, broker.bootstrap, compression_type="gzip", batch_size=2**22)
    ) as producer:
        for _ in range(FLOOD // 2):
            producer.send(topic, b"", partition=1)
        for message in forgotten:
            producer.send(topic, message.value, headers=list(message.headers), partition=1)
        for _ in range(FLOOD // 2):
            producer.send(topic, b"", partition=1)
        producer.flush(timeout=30)
    worker.start()
    assert wait_done(broker.bootstrap, seconds=120), worker.log[-3000:]

    found = read(broker)
    refusals = [(one.letter.reason, origin) for one in found for origin in one.letter.origins]
    assert Counter(reason for reason, _ in refusals) == {
        "not_a_cloudevent": FLOOD,
        "unknown_type": len(forgotten),
    }
    assert {origin.offset for _, origin in refusals} == set(range(FLOOD + len(forgotten)))
    assert len(found) < 300
    assert LetterCounts.of(found).records == FLOOD + len(forgotten)
    assert wait_until(
        lambda: worker.shows(f'dead_letters_total{{reason="not_a_cloudevent"}} {FLOOD}.0'),
        seconds=20,
    )
    assert worker.stop() == 0
    repaired = factory.worker("repaired")
    repaired.start()

    replayed = dead_letters(broker, "replay")
    discarded = dead_letters(broker, "discard", "--all", "--because", "a flood")

    sent = f"{len(forgotten)} sent again, {FLOOD} still refused, 0 tried too often\n"
    assert (replayed.returncode, replayed.stdout) == (1, sent), replayed.stderr[-2000:]
    assert discarded.returncode == 0
    assert differences(broker, repaired) == ()
    assert counts(broker).waiting == 0
    assert dead_letters(broker, "replay").stdout.startswith("0 sent again, 0 still refused")


def test_while_the_broker_is_away_a_replay_ends_in_one_line_and_no_record_is_called_gone(
    broker: KafkaBroker, lycees: list[Message]
) -> None:
    """Who reads that it is gone would discard the letter; the next replay finds all."""
    error = ContractError(RefusalReason.UNKNOWN_TYPE, "type", "planted", "wait")
    letters = [
        refused(
            error,
            origin=RecordOrigin(topic_name(one.family), 0, offset),
            key=one.key,
            value=one.value,
            headers=one.headers,
            now=REFUSED_AT,
        )
        for offset, one in enumerate(lycees[:20])
    ]
    message = lycees[0]
    with KafkaWriter(broker.bootstrap) as writer:
        writer.send(letters)
        writer.send(
            [
                OutgoingRecord(topic_name(message.family), partition, None, message.value, ())
                for partition in (3, 4)
            ]
        )
    first, second = (
        letter_of(
            origin=RecordOrigin(topic_name(message.family), partition, 0),
            key=None,
            value=b"",
            headers=(),
            shortened=sizes_of(None, message.value, ()),
            time=datetime.now(UTC),
        )
        for partition in (3, 4)
    )
    [(_, found)] = full_records(first, first.runs, broker.bootstrap, wait_seconds=2)
    assert isinstance(found, DeadLetter)
    assert found.value == message.value
    broker.stop()
    with pytest.raises(BrokerUnreachableError):
        list(full_records(second, second.runs, broker.bootstrap, wait_seconds=2))
    failed = run(broker, "dead-letters", "replay")

    assert failed.returncode == 2
    assert "no Kafka broker answered" in failed.stderr
    assert "Traceback" not in failed.stderr
    broker.start()
    assert dead_letters(broker, "replay").stdout.startswith("20 sent again")
