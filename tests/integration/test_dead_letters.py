"""Dead letters on a real broker: sent again after a fix, none lost and none counted twice."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from typing import NamedTuple

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
    GATEWAY,
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
from operations.dead_letters.full_record import FullRecords
from operations.dead_letters.ledger import read_entries
from tests.support.commands import run, run_inside
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.letters import letter_of, refused
from tests.support.recounts import compare
from tests.support.traffic import Message, message_of, region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(300)

PARIS = uai("0750001")
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


def copies_in(records: Iterable[RawRecord]) -> Counter[LetterPosition]:
    return Counter(
        LetterPosition.parse(value.decode())
        for record in records
        for name, value in record.headers
        if name == REPLAY_OF and value is not None
    )


def differences(broker: KafkaBroker, worker: Worker) -> tuple[str, ...]:
    assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
    worker.wait_ready()
    audit = audit_records(read_topics(broker.bootstrap), load_catalogue(), LAST_DAY)
    return compare(audit, [worker.url]).differences


def run_dead_letters(broker: KafkaBroker, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(broker, "dead-letters", *arguments)


def dead_letters(
    broker: KafkaBroker, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    return run_inside(broker, "dead-letters", *arguments, **more)


def refused_by_an_old_worker(
    broker: KafkaBroker, factory: WorkerFactory, messages: Sequence[Message]
) -> tuple[Worker, int]:
    send(broker.bootstrap, messages)
    worker = factory.worker(
        "old", module="tests.support.faulty_worker", test_fault=f"unknown:{FORGOTTEN}"
    )
    worker.start()
    assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
    return worker, counts(broker).waiting


def write_letters(
    broker: KafkaBroker, messages: Sequence[Message], producer: str | None = None
) -> int:
    """Write dead letters of messages that are valid now; return how many.

    With a producer they are letters of the gateway; else they lay on their topics from offset 0.
    """
    error = ContractError(RefusalReason.UNKNOWN_TYPE, "type", "planted", "wait")
    with KafkaWriter(broker.bootstrap) as writer:
        writer.send(
            [
                refused(
                    error,
                    origin=GATEWAY
                    if producer
                    else RecordOrigin(topic_name(message.family), 0, offset),
                    key=None if producer else message.key,
                    value=message.value,
                    headers=message.headers,
                    now=REFUSED_AT,
                    producer=producer,
                )
                for offset, message in enumerate(messages)
            ]
        )
    return len(messages)


class Fixed(NamedTuple):
    """What two replays after a fix did, and what was there then."""

    letters: int
    differences_before: tuple[str, ...]
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    differences: tuple[str, ...]
    entries: list[Entry]
    records: list[RawRecord]


@pytest.fixture(scope="module")
def fixed(
    shared_broker: KafkaBroker, lycees: list[Message], tmp_path_factory: pytest.TempPathFactory
) -> Fixed:
    factory = WorkerFactory(shared_broker.bootstrap, tmp_path_factory.mktemp("fixed"))
    try:
        old, letters = refused_by_an_old_worker(shared_broker, factory, lycees)
        differences_before = differences(shared_broker, old)
        assert old.stop() == 0
        repaired = factory.worker("repaired")
        repaired.start()
        return Fixed(
            letters,
            differences_before,
            run_dead_letters(shared_broker, "replay", "--reason", "unknown_type"),
            dead_letters(shared_broker, "replay"),
            differences(shared_broker, repaired),
            read(shared_broker),
            list(read_topics(shared_broker.bootstrap)),
        )
    finally:
        factory.stop_all()


def test_a_replay_after_the_fix_makes_the_figures_right(fixed: Fixed) -> None:
    letters = fixed.letters
    assert letters > 20
    assert fixed.differences_before
    assert (fixed.first.returncode, fixed.first.stdout) == (
        0,
        f"{letters} sent again, 0 still refused, 0 tried too often\n",
    ), fixed.first.stderr
    assert fixed.second.stdout == "0 sent again, 0 still refused, 0 tried too often\n"
    assert fixed.differences == ()
    assert copies_in(fixed.records) == Counter(one.letter.position for one in fixed.entries)
    assert LetterCounts.of(fixed.entries) == LetterCounts(
        waiting=0, replayed=letters, discarded=0, returned=0
    )


def test_a_bad_deploy_is_an_alarm_with_its_cause_until_the_replay(
    broker: KafkaBroker, factory: WorkerFactory, lycees: list[Message]
) -> None:
    forgotten = [one for one in lycees if decode(one.headers, one.value).type == FORGOTTEN]
    old, letters = refused_by_an_old_worker(broker, factory, forgotten)

    assert letters == len(forgotten) > 20
    cause = 'alarm_info{family="schools",field="type",reason="unknown_type"} 1.0'
    assert wait_until(lambda: old.shows(cause), seconds=20), old.metrics()
    assert old.shows(f'dead_letter_share{{family="schools"}} {min(letters, 100) / 100}')
    assert old.log.count("dead letter share family=schools") == 1
    assert old.stop() == 0
    repaired = factory.worker("repaired")
    repaired.start()
    assert dead_letters(broker, "replay", "--reason", "unknown_type").returncode == 0
    assert differences(broker, repaired) == ()
    assert repaired.shows('dead_letter_share{family="schools"} 0.0')
    assert not repaired.shows("alarm_info{")


def test_copies_are_the_refused_records_byte_for_byte(fixed: Fixed) -> None:
    originals = {(one.topic, one.partition, one.offset): one for one in fixed.records}
    replayed = [record for record in fixed.records if dict(record.headers).get(REPLAY_OF)]
    letters = {entry.letter.position: entry.letter for entry in fixed.entries}
    assert replayed
    for copy in replayed:
        position = LetterPosition.parse((dict(copy.headers)[REPLAY_OF] or b"").decode())
        original = originals[letters[position].origin]
        assert copy[:2] == original[:2]
        assert (copy.key, copy.value) == (original.key, original.value)
        assert list(copy.headers[:-2]) == list(original.headers)


def test_what_is_refused_again_keeps_its_count_and_is_given_up(
    broker: KafkaBroker, factory: WorkerFactory, lycees: list[Message]
) -> None:
    """Each attempt makes new letters; after three they are left, unless more are allowed."""
    old, letters = refused_by_an_old_worker(broker, factory, lycees)
    for attempt in (1, 2, 3):
        assert dead_letters(broker, "replay").returncode == 0
        assert wait_done(broker.bootstrap, seconds=60), old.log[-3000:]
        waiting = [entry for entry in read(broker) if entry.status is EntryStatus.WAITING]
        assert {entry.attempts for entry in waiting} == {attempt}
        assert len(waiting) == letters

    stopped = dead_letters(broker, "replay")

    assert stopped.returncode == 1
    assert stopped.stdout == f"0 sent again, 0 still refused, {letters} tried too often\n"
    assert counts(broker) == LetterCounts(
        waiting=letters, replayed=3 * letters, discarded=0, returned=3 * letters
    )
    assert old.stop() == 0
    repaired = factory.worker("repaired")
    repaired.start()
    assert dead_letters(broker, "replay", "--max-attempts", "4").returncode == 0
    assert differences(broker, repaired) == ()
    assert counts(broker).waiting == 0


def test_a_flood_of_refusals_is_a_few_dead_letters(
    broker: KafkaBroker, factory: WorkerFactory, lycees: list[Message]
) -> None:
    """Each record counts; those that are valid today are read from their topic and sent again."""
    worker = factory.worker(
        "old", module="tests.support.faulty_worker", test_fault=f"unknown:{FORGOTTEN}"
    )
    connected = [one for one in lycees if decode(one.headers, one.value).type == FORGOTTEN]
    topic = topic_name(Family.SCHOOLS)
    with closing(
        opened(KafkaProducer, broker.bootstrap, compression_type="gzip", batch_size=2**22)
    ) as producer:
        for _ in range(FLOOD // 2):
            producer.send(topic, b"", partition=1)
        for message in connected:
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
        "unknown_type": len(connected),
    }
    assert {origin.offset for _, origin in refusals} == set(range(FLOOD + len(connected)))
    assert len(found) < 300
    assert LetterCounts.of(found).records == FLOOD + len(connected)
    assert wait_until(
        lambda: worker.shows(f'dead_letters_total{{reason="not_a_cloudevent"}} {FLOOD}.0'),
        seconds=20,
    )
    assert worker.stop() == 0
    repaired = factory.worker("repaired")
    repaired.start()

    replayed = dead_letters(broker, "replay")
    discarded = dead_letters(broker, "discard", "--all", "--because", "a flood")

    sent = f"{len(connected)} sent again, {FLOOD} still refused, 0 tried too often\n"
    assert (replayed.returncode, replayed.stdout) == (1, sent), replayed.stderr[-2000:]
    assert discarded.returncode == 0
    assert differences(broker, repaired) == ()
    assert counts(broker).waiting == 0
    assert dead_letters(broker, "replay").stdout.startswith("0 sent again, 0 still refused")


def test_a_letter_of_the_gateway_waits_until_it_is_admitted(
    broker: KafkaBroker,
) -> None:
    """An event ahead of its time once the time has come; that of another's source never."""
    ahead = event("school.registered", PARIS, "2021-06-01", source="urn:iledefrance:lycees")
    for producer in ("lycees", "formation"):
        write_letters(broker, [message_of(ahead)], producer)

    early = dead_letters(broker, "replay", clock="2021-05-30")
    late = dead_letters(broker, "replay", clock="2021-06-03")

    assert early.stdout == "0 sent again, 2 still refused, 0 tried too often\n", early.stderr
    assert late.stdout == "1 sent again, 1 still refused, 0 tried too often\n", late.stderr
    assert "0/1 still refused: not_allowed source" in late.stderr
    (copy,) = read_topics(broker.bootstrap)
    assert (copy.topic, copy.key) == (topic_name(Family.SCHOOLS), PARIS.encode())
    assert [entry.attempts for entry in read(broker)] == [2, 2]
    assert counts(broker) == LetterCounts(waiting=1, replayed=1, discarded=0, returned=0)


def test_while_the_broker_is_away_a_replay_ends_in_one_line_and_no_record_is_called_gone(
    broker: KafkaBroker, lycees: list[Message]
) -> None:
    """Who reads that it is gone would discard the letter; the next replay finds all."""
    letters = write_letters(broker, lycees[:20])
    message = lycees[0]
    with KafkaWriter(broker.bootstrap) as writer:
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
    full_records = FullRecords(broker.bootstrap, wait_seconds=2)
    [(_, found)] = full_records.records_of(first, first.runs)
    assert isinstance(found, DeadLetter)
    assert found.value == message.value
    broker.stop()
    with pytest.raises(BrokerUnreachableError):
        list(full_records.records_of(second, second.runs))
    failed = run_dead_letters(broker, "replay")

    assert failed.returncode == 2
    assert "no Kafka broker answered" in failed.stderr
    assert "Traceback" not in failed.stderr
    broker.start()
    assert dead_letters(broker, "replay").stdout.startswith(f"{letters} sent again")
