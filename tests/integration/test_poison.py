"""Every record that Kafka accepts, on a real broker: none ends a worker, and none vanishes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from datetime import date
from time import time
from typing import Any

import pytest
from click.testing import CliRunner

from audit.recount import Audit, audit_records
from broker.compression import MAX_UNPACKED_BYTES, Codec
from broker.reading import read_topics
from broker.topic_admin import alter_settings, wait_for_settings
from catalogue.loader import load_catalogue
from events.cloudevent import encode_structured
from events.dead_letters import DeadLetter, RecordOrigin, read_dead_letter
from events.fact import Family
from events.partitioning import partition_for
from events.topics import DEAD_LETTERS, topic_name
from smart_region import main
from streams.decisions import read_decisions
from tests.support.facts import encode_binary
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.processes import peak_memory_mb
from tests.support.raw_batches import NOW, HeaderName, RawBatch, RawContent, batch_bytes, produce
from tests.support.recounts import compare
from tests.support.traffic import message_of, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(240)

SCHOOLS, DATASETS = topic_name(Family.SCHOOLS), topic_name(Family.DATASETS)
FAULTY = "tests.support.faulty_worker"
LAST_DAY = date(2020, 12, 31)
MIB = 2**20

#: As far ahead of its clock as a broker lets a record be, if not configured otherwise: an hour.
SOON = int(time() * 1000) + 3_500_000

#: By what a record may differ from another one; `None` of a value stands for itself.
DIMENSIONS: Mapping[str, Sequence[Any]] = {
    "key": (None, b"", b"0750001U", b"\xff\x00", b"k" * 100_000),
    "value": ("null", "empty", "structured", "binary", "noise", "limit", "unpacked"),
    "headers": ("none", "many", "odd", "large"),
    "codec": (0, *Codec),
    "time": (-1, 0, 1, NOW, SOON),
    "topic": (SCHOOLS, DATASETS),
}
ODD = [
    (HeaderName(b"\xff\xfe"), b"\x00"),
    (HeaderName(b""), b""),
    ("twice", b"1"),
    ("twice", None),
    ("smartregion-reason", b"\xff"),
    ("smartregion-shortened", b"{"),
    ("smartregion-null-value", None),
]
HEADERS: Mapping[str, list[tuple[str, bytes | None]]] = {
    "none": [],
    "many": [(f"h{number}", None) for number in range(2000)],
    "odd": ODD,
    "large": [("large", b"x" * 300_000)],
}


def pairwise(seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    names = list(DIMENSIONS)
    missing = {
        (one, first, other, second)
        for one, other in itertools.combinations(range(len(names)), 2)
        for first in range(len(DIMENSIONS[names[one]]))
        for second in range(len(DIMENSIONS[names[other]]))
    }
    cases = []
    while missing:
        drawn = [[chance.randrange(len(DIMENSIONS[name])) for name in names] for _ in range(50)]
        best = max(drawn, key=lambda case: len(missing & pairs(case)))
        missing -= pairs(best)
        cases.append({name: DIMENSIONS[name][at] for name, at in zip(names, best, strict=True)})
    return cases


def pairs(case: Sequence[int]) -> set[tuple[int, int, int, int]]:
    return {
        (one, first, other, second)
        for (one, first), (other, second) in itertools.combinations(enumerate(case), 2)
    }


def batch_of(case: Mapping[str, Any], number: int) -> RawBatch:
    registered = event("school.registered", uai(f"075{number:04}"), "2018-01-01")
    encoded = (
        encode_binary(registered) if case["value"] == "binary" else encode_structured(registered)
    )
    headers = list(HEADERS[case["headers"]])
    if case["value"] in ("structured", "binary"):
        headers += encoded.headers
    limit = 600 * 1024 if case["codec"] == 0 else 900 * 1024
    value = {
        "null": None,
        "empty": b"",
        "noise": random.Random(number).randbytes(500),
        "limit": random.Random(number).randbytes(500) * (limit // 500),
        "unpacked": bytes(3 * MIB if case["codec"] else limit),
    }.get(case["value"], encoded.value)
    record = RawContent(case["key"], value, headers, case["time"])
    partition = partition_for(encoded.key, 8)
    return RawBatch(case["topic"], partition, batch_bytes([record], codec=case["codec"]))


def counted(broker: KafkaBroker) -> Audit:
    return audit_records(
        read_topics(broker.bootstrap),
        load_catalogue(),
        LAST_DAY,
        skipped=read_decisions(broker.bootstrap).skipped,
    )


def letters(broker: KafkaBroker) -> list[DeadLetter]:
    return list(map(read_dead_letter, read_topics(broker.bootstrap, topics=[DEAD_LETTERS])))


def assert_unharmed(broker: KafkaBroker, worker: Worker, *, produced: int) -> Audit:
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    worker.wait_ready()
    assert worker.alive
    audit = counted(broker)
    account = audit.account
    assert account.produced == account.accepted + account.refused + account.duplicates == produced
    assert compare(audit, [worker.url]).differences == ()
    refused = [letter.reason for letter in letters(broker) for _ in letter.origins]
    assert sorted(refused) == sorted(
        reason for reason, count in account.refusals.items() for _ in range(count)
    )
    return audit


def run(broker: KafkaBroker, *command: str) -> str:
    done = CliRunner().invoke(main, [*command, "--bootstrap", broker.bootstrap])
    assert done.exit_code == 0, done.output
    return done.output


def test_every_record_that_the_protocol_allows_is_taken_or_refused(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """A client's own time is that of its records on the topic whose setting was changed."""
    clients_own = {"message.timestamp.type": "CreateTime"}
    with broker.admin() as admin:
        alter_settings(admin, [SCHOOLS], clients_own)
        wait_for_settings(admin, [SCHOOLS], clients_own)
    worker = factory.worker()
    worker.start()
    worker.wait_ready()
    cases = pairwise(1)
    produce(
        broker.bootstrap, [batch_of(case, number) for number, case in enumerate(cases, start=1)]
    )
    audit = assert_unharmed(broker, worker, produced=len(cases))

    assert audit.account.accepted > 0
    found = letters(broker)
    reasons = {letter.reason for letter in found}
    assert reasons >= {"null_value", "too_large", "wrong_topic", "no_timestamp", "time_ahead"}
    assert any(letter.key is None and letter.value is None for letter in found)
    assert any(letter.shortened for letter in found)
    listed = run(broker, "dead-letters", "list")
    assert f"{len(found)} dead letters = {len(found)} waiting" in listed
    odd = [letter for letter in found if letter.shortened or letter.value is None]
    for letter in odd[:3]:
        assert letter.reason in run(broker, "dead-letters", "show", str(letter.position))
    assert "refused" in run(broker, "producers", "report")
    # A record whose time lay ahead is right today: which refusal comes first is not fixed.
    shortened = next(
        str(letter.position)
        for letter in found
        if letter.shortened and letter.reason == "not_a_cloudevent"
    )
    again = CliRunner().invoke(
        main, ["dead-letters", "replay", shortened, "--dry-run", "--bootstrap", broker.bootstrap]
    )
    assert f"{shortened} still refused: " in again.output
    assert "no longer at" not in again.output
    assert worker.stop() == 0


def test_a_bomb_is_refused_and_no_more(broker: KafkaBroker, factory: WorkerFactory) -> None:
    """A batch of some KiB that unpacks to 400 MiB: one refusal, and memory for the bound alone."""
    worker = factory.worker()
    worker.start()
    worker.wait_ready()
    before = peak_memory_mb(worker.process.pid)
    value = bytes(MAX_UNPACKED_BYTES)
    bomb = batch_bytes([RawContent(b"k", value)] * 6, codec=Codec.ZSTD)
    assert len(bomb) < 100_000
    produce(broker.bootstrap, [RawBatch(SCHOOLS, 3, bomb)])
    valid = message_of(event("school.registered", uai("0750001"), "2018-01-01"))
    send(broker.bootstrap, [valid])

    audit = assert_unharmed(broker, worker, produced=2)

    assert audit.account.refusals == {"unreadable": 1}
    assert "offsets 0 to 5 of a batch of 6 records" in letters(broker)[0].detail
    assert peak_memory_mb(worker.process.pid) - before < 310
    assert worker.stop() == 0


def test_a_record_that_ends_every_worker_is_reported_and_skipped(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Kills leave no word, and are counted all the same; a word of an operator ends them."""
    names = [f"075{number:04}" for number in range(1, 400)]
    home = partition_for(uai("0750001").encode(), 8)
    events = [
        event("school.registered", uai(name), "2018-01-01", id=name)
        for name in names
        if partition_for(uai(name).encode(), 8) == home
    ][:20]
    deadly = events[7]
    send(broker.bootstrap, [message_of(one) for one in events])
    settings = {
        "module": FAULTY,
        "test_fault": f"kill:{deadly.id}",
        "session_timeout": "2",
        "heartbeat_interval": "0.5",
    }
    for attempt in range(5):
        worker = factory.worker(f"attempt-{attempt}", **settings)
        worker.start()
        assert worker.process.wait(60) == -9, worker.log[-3000:]
    watched = factory.worker("watched", **settings)
    watched.start()
    line = f'smartregion_ends_at_record{{partition="{home}",topic="{SCHOOLS}"}} 3.0'
    assert wait_until(lambda: watched.shows(line), seconds=60), watched.log[-3000:]
    assert f"poison record topic={SCHOOLS} partition={home} offset=7 ends=3" in watched.log
    # What waits behind it is in no figure, and the histories say so.
    assert wait_until(lambda: watched.overdue() == len(events) - 7, seconds=20)
    watched.kill()

    output = run(
        broker, "dead-letters", "pass-over", f"{SCHOOLS}/{home}/7", "--because", "it kills"
    )
    assert "1 skipped" in output
    last = factory.worker("last", **settings)
    last.start()

    audit = assert_unharmed(broker, last, produced=len(events))

    assert audit.account.refusals == {"passed_over": 1}
    [letter] = letters(broker)
    assert letter.origin == RecordOrigin(SCHOOLS, home, 7)
    assert "1 discarded" in run(broker, "dead-letters", "list")
    replayed = CliRunner().invoke(
        main, ["dead-letters", "replay", "--state", "discarded", "--bootstrap", broker.bootstrap]
    )
    assert replayed.stdout == "0 sent again, 1 still refused, 0 tried too often\n"
    assert "still refused: passed_over" in replayed.stderr
    assert last.stop() == 0

    # It is passed over where the partition is read again, too.
    again = factory.worker("again", **settings)
    again.start()
    again.wait_ready()
    assert compare(counted(broker), [again.url]).differences == ()
    assert again.stop() == 0
