"""A record that no Python client can read, on a real broker: it holds nothing back."""

from __future__ import annotations

from contextlib import closing
from datetime import date

from kafka import KafkaProducer

from audit.comparison import compare
from audit.recount import audit_records
from broker.clients import opened
from broker.reading import read_topics
from catalogue.loader import load_catalogue
from events.cloudevent import encode_binary
from events.dead_letters import read_dead_letter
from events.partitioning import partition_for
from events.topics import DEAD_LETTERS, topic_name
from tests.support.header_names import HeaderName
from tests.support.histories import event, uai
from tests.support.kafka import KafkaBroker
from tests.support.traffic import message_of, wait_done
from tests.support.workers import WorkerFactory

NO_TEXT = (HeaderName(b"\xff\xfe"), b"1")
NO_ATTRIBUTE = (HeaderName(b"ce_\xff"), b"1")


def test_a_header_s_name_that_is_no_text_holds_nothing_back(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """A valid event counts, an invalid one is a dead letter, and the audit finds the same."""
    first, last = (
        message_of(event("school.registered", uai(number), "2018-01-01"))
        for number in ("0750001", "0750002")
    )
    broken = encode_binary(event("school.registered", uai("0750001"), "2018-01-02"))
    home = partition_for(first.key, 8)
    with closing(opened(KafkaProducer, broker.bootstrap)) as producer:
        for key, value, headers in (
            (first.key, first.value, [*first.headers, NO_TEXT]),
            (broken.key, broken.value, [*broken.headers, NO_ATTRIBUTE]),
            (last.key, last.value, [*last.headers]),
        ):
            producer.send(
                topic_name(first.family), key=key, value=value, headers=headers, partition=home
            )
        producer.flush()
    worker = factory.worker()
    worker.start()

    assert wait_done(broker.bootstrap, seconds=60), worker.log()[-3000:]
    worker.wait_ready()
    audit = audit_records(read_topics(broker.bootstrap), load_catalogue(), date(2020, 12, 31))
    assert (audit.account.accepted, audit.account.refused) == (2, 1)
    assert compare(audit, [worker.url]).differences == ()
    (letter,) = map(read_dead_letter, read_topics(broker.bootstrap, topics=[DEAD_LETTERS]))
    assert (letter.value, letter.headers[-1]) == (broken.value, ("ce_\ufffd", b"1"))
    assert worker.stop() == 0
