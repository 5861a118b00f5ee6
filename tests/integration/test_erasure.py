"""Erasure on a real broker: a person is nowhere any more, and every other figure stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from kafka import KafkaProducer

from audit.recount import Audit
from boundary.errors import SmartRegionError
from broker.clients import opened
from broker.reading import EVENT_TOPICS, read_topics
from broker.topic_admin import apply_topics
from broker.writing import KafkaWriter, RecordWriter
from events.cloudevent import decode, encode_structured
from events.dead_letters import GATEWAY, RecordOrigin
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.records import OutgoingRecord
from events.topics import (
    DEAD_LETTER_OUTCOMES,
    DEAD_LETTERS,
    DEFAULT_PARTITIONS,
    declared_topics,
    topic_name,
)
from operations.erasure import procedure
from operations.erasure.persons import Persons
from streams.settings import load_settings
from tests.support.commands import run, run_inside
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.letters import refused
from tests.support.recounts import exact
from tests.support.traffic import Message, region, send
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(240)

LARGE_BYTES = 1_500_000
PERSONS = topic_name(Family.TRAININGS)
#: A living worker forgets within a minute; a loaded machine gets another half.
FORGET_SECONDS = 90.0
#: Files without a living record are deleted at once, not within minutes.
HURRIED = """\
log.cleaner.backoff.ms=500
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
"""


@cache
def enrolments() -> tuple[Message, ...]:
    messages = region(7, date(2016, 1, 1), date(2016, 12, 31))
    return tuple(message for message in messages if message.family is Family.TRAININGS)


@cache
def persons() -> tuple[str, ...]:
    found = dict.fromkeys(filter(None, map(person_of, enrolments())))
    return tuple(found)[10:40:10]


def person_of(message: Message) -> str | None:
    try:
        return decode(message.headers, message.value, family=message.family).fact.entity_id
    except ContractError:
        return None


def erase(
    broker: KafkaBroker,
    *options: str,
    command: Callable[..., CompletedProcess[str]] = run_inside,
    **settings: str,
) -> CompletedProcess[str]:
    return command(broker, "erase", *options, standard_input="\n".join(persons()), **settings)


def erased(broker: KafkaBroker) -> str:
    """Erase the persons for good; return what the command says."""
    done = erase(broker, "--for-good")
    assert done.returncode == 0, done.stdout + done.stderr
    assert naming(broker, *EVENT_TOPICS) == 0
    return done.stdout


def naming(broker: KafkaBroker, *topics: str) -> int:
    return sum(
        any(
            person.encode() in text
            for person in persons()
            for text in (record.key or b"", record.value or b"")
        )
        for record in read_topics(broker.bootstrap, topics=topics)
    )


def started(broker: KafkaBroker, factory: WorkerFactory) -> tuple[Worker, Audit]:
    worker = factory.worker()
    worker.start()
    send(broker.bootstrap, enrolments())
    return worker, exact(broker.bootstrap, worker)


def entities(worker: Worker) -> float:
    """Return about how many enrolments a worker has states of; 0 while it reads all again."""
    found = re.search(
        r'^smartregion_entities\{family="trainings"\} (\S+)$', worker.metrics(), re.MULTILINE
    )
    return float(found[1]) if found else 0


def enrolled(audit: Audit) -> int:
    return audit.readings["trainees_enrolled", None].numerator


def test_a_person_is_erased_and_the_audit_finds_no_difference(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    worker = factory.worker()
    worker.start()
    send(broker.bootstrap, enrolments(), misrouted=0.1)
    before = exact(broker.bootstrap, worker)
    assert naming(broker, *EVENT_TOPICS) >= len(persons())

    done = erase(broker)
    assert done.returncode == 0, done.stderr
    assert "about 3 of 3 pseudonyms" in done.stdout
    assert enrolled(exact(broker.bootstrap, worker)) == enrolled(before)

    erased(broker)
    after = exact(broker.bootstrap, worker)
    assert enrolled(after) == enrolled(before) - len(persons())
    # The first record of a partition is copied twice, and one of these three is refused.
    assert after.account.refused == before.account.refused + 1

    assert erased(broker).startswith("0 records")

    assert worker.stop() == 0
    successor = factory.worker("successor")
    successor.start()
    assert enrolled(exact(broker.bootstrap, successor)) == enrolled(after)
    assert successor.stop() == 0


def test_a_living_worker_forgets_within_a_minute(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Without a restart: it reads anew what is left, and nothing stays that would alert anybody."""
    worker, before = started(broker, factory)
    everybody = tuple(dict.fromkeys(filter(None, map(person_of, enrolments()))))
    chosen = everybody[::2]
    known = entities(worker)

    done = run_inside(broker, "erase", "--for-good", standard_input="\n".join(chosen))

    assert done.returncode == 0, done.stdout + done.stderr
    # Until it has looked at the logs again its states have the persons, as retracted.
    assert wait_until(lambda: 0 < entities(worker) < 0.6 * known, seconds=FORGET_SECONDS), (
        worker.log
    )
    assert enrolled(before) > enrolled(exact(broker.bootstrap, worker)) > 0
    assert "smartregion_topic_fault{" not in worker.metrics()
    assert worker.readiness()["warnings"] == []
    assert "lost: " not in worker.log
    assert "were deleted" not in run_inside(broker, "doctor").stdout
    left = read_topics(broker.bootstrap, topics=[*EVENT_TOPICS, DEAD_LETTERS, DEAD_LETTER_OUTCOMES])
    named = re.compile("|".join(chosen).encode())
    assert not any(named.search((one.key or b"") + (one.value or b"")) for one in left)
    assert worker.stop() == 0


def test_every_trace_of_a_person_is_reported(broker: KafkaBroker) -> None:
    """Where it is, in which part, and when it goes; never what it says."""
    person = persons()[0]
    theirs = next(message for message in enrolments() if person_of(message) == person)
    school = encode_structured(event("school.registered", uai("0750001"), "2018-01-01"))
    topic, schools = topic_name(theirs.family), topic_name(Family.SCHOOLS)
    cut_short = b'{"data": {"enrolment_id": "%s"' % person.encode()
    naming_one = school.value[:-1] + b', "causation": "%s"}' % person.encode()
    refused_at = datetime(2020, 12, 31, tzinfo=UTC)
    letter = partial(
        refused,
        ContractError(RefusalReason.INVALID_JSON, "value", None, "send JSON"),
        key=None,
        now=refused_at,
    )
    because = b'{"verdict": "discarded", "because": "%s asked"}' % person.encode()
    former = "smart-region-monitor-trainings-changelog"
    with broker.admin() as admin:
        admin.create_topics({former: {"num_partitions": 8, "replication_factor": 1}})
    with KafkaWriter(broker.bootstrap) as post:
        post.send(
            [
                OutgoingRecord(topic, 0, theirs.key, theirs.value, theirs.headers),
                OutgoingRecord(topic, 1, b"key", cut_short, ()),
                OutgoingRecord(schools, 2, school.key, naming_one, school.headers),
                letter(origin=RecordOrigin(topic, 1, 0), value=cut_short),
                letter(origin=GATEWAY, value=b'{"id": "%s"}' % person.encode()),
                letter(origin=GATEWAY, value=b"{}"),
                OutgoingRecord(DEAD_LETTER_OUTCOMES, 0, b"0/9", because, ()),
            ]
        )

    done = erase(broker)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2 records in 2 partitions are about 1 of 3 pseudonyms",
        f"{former}: has states of persons, from before 1.0: delete this topic",
        "dead letter 0/0 is of a record of one, kept until 2021-04-07",
        "dead letter 0/1 names one, kept until 2021-04-07",
        f"{DEAD_LETTER_OUTCOMES}[0]@0: names one, and stays",
        f"{schools}[2]@0: names one, and stays",
    ]
    assert person not in done.stdout + done.stderr


def test_an_erasure_waits_for_workers_that_are_not_there(broker: KafkaBroker) -> None:
    """Nothing is deleted before the workers have taken in what is to be erased."""
    send(broker.bootstrap, enrolments())
    named = naming(broker, *EVENT_TOPICS)
    refused = erase(broker, "--for-good", "--wait", "1")
    assert refused.returncode == 2
    assert "start the workers" in refused.stderr
    assert "nothing was deleted" in refused.stderr
    assert naming(broker, *EVENT_TOPICS) >= named


def test_what_another_erasure_brings_back_is_reported(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """It copies what is not its own, these persons' records too; the next run ends it."""
    worker, before = started(broker, factory)
    settings = load_settings(broker=broker.bootstrap)
    somebody = Persons(persons())
    copied = [
        OutgoingRecord(record.topic, record.partition, record.key, record.value, record.headers)
        for record in read_topics(broker.bootstrap, topics=[topic_name(Family.TRAININGS)])
        if somebody.concerned_by(record)
    ]
    traces = procedure.find_records(settings, somebody)
    with (
        KafkaWriter(broker.bootstrap) as post,
        pytest.raises(SmartRegionError, match=f"has {len(copied)} records"),
    ):
        procedure.erase(settings, CopyingPost(post, copied), somebody, traces, wait_seconds=60)

    erased(broker)
    assert enrolled(exact(broker.bootstrap, worker)) == enrolled(before) - len(persons())


def test_a_record_that_no_broker_takes_again_keeps_nobody(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Who compresses sends more than a topic takes: such a partition could not be copied."""
    worker, before = started(broker, factory)
    large = b'{"table": "%s"}' % (b"x" * LARGE_BYTES)
    with closing(
        opened(
            KafkaProducer,
            broker.bootstrap,
            compression_type="zstd",
            max_request_size=2 * LARGE_BYTES,
        )
    ) as producer:
        for partition in range(DEFAULT_PARTITIONS):
            producer.send(topic_name(Family.TRAININGS), large, partition=partition).get(timeout=30)
    exact(broker.bootstrap, worker)

    assert "of these partitions will be gone too" in erased(broker)
    assert enrolled(exact(broker.bootstrap, worker)) == enrolled(before) - len(persons())


def test_no_replay_brings_an_erased_person_back(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """A waiting dead letter of an event that is valid today would be sent again."""
    worker, _ = started(broker, factory)
    theirs = next(message for message in enrolments() if person_of(message) == persons()[0])
    letter = refused(
        ContractError(RefusalReason.NOT_OWNER, "source", None, "leave it"),
        key=theirs.key,
        value=theirs.value,
        headers=theirs.headers,
        origin=RecordOrigin(topic_name(theirs.family), 0, 10_000),
    )
    with KafkaWriter(broker.bootstrap) as post:
        post.send([letter])

    assert "1 dead letter discarded" in erased(broker)
    for state in ("waiting", "discarded"):
        replayed = run_inside(broker, "dead-letters", "replay", "--state", state)
        assert replayed.stdout.startswith("0 sent again"), replayed.stdout + replayed.stderr
    assert naming(broker, *EVENT_TOPICS) == 0
    exact(broker.bootstrap, worker)


class CopyingPost:
    """Sends what a real one does, and before the accepted losses what another erasure copies."""

    def __init__(self, post: RecordWriter, copied: Sequence[OutgoingRecord]) -> None:
        self._post = post
        self._copied = copied

    def send(self, records: Sequence[OutgoingRecord]) -> None:
        if any(record.topic == DEAD_LETTER_OUTCOMES for record in records):
            self._post.send(self._copied)
        self._post.send(records)


@pytest.mark.usefixtures("kafka_broker")
@pytest.mark.parametrize(
    "last",
    [
        pytest.param(False, id="with others", marks=pytest.mark.nightly),
        pytest.param(True, id="the last of a partition"),
    ],
)
def test_no_file_of_the_broker_names_an_erased_person(tmp_path: Path, *, last: bool) -> None:
    """The topic's old files are deleted; of a partition that is left empty, the current one too."""
    sent = [one for one in enrolments() if not last or person_of(one) in persons()]
    with KafkaBroker(tmp_path / "kafka", properties=HURRIED) as broker:
        apply_topics(broker.bootstrap, declared_topics())
        factory = WorkerFactory(broker.bootstrap, tmp_path)
        try:
            worker = factory.worker()
            worker.start()
            send(broker.bootstrap, sent)
            exact(broker.bootstrap, worker)
            assert files_naming(broker)
            done = erase(broker, "--for-good", command=run)
            assert done.returncode == 0, done.stdout + done.stderr
            left = list(read_topics(broker.bootstrap, topics=[PERSONS]))
            assert (left == []) is last
            assert wait_until(lambda: not files_naming(broker), seconds=60, every=1.0), (
                files_naming(broker)
            )
            assert (enrolled(exact(broker.bootstrap, worker)) == 0) is last
        finally:
            factory.stop_all()


def files_naming(broker: KafkaBroker) -> list[str]:
    found = []
    for file in broker.folder.rglob("*.log*"):
        try:
            content = file.read_bytes()
        except FileNotFoundError:  # Just deleted.
            continue
        if any(person.encode() in content for person in persons()):
            found.append(str(file.relative_to(broker.folder)))
    return sorted(found)
