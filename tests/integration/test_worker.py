"""A worker on a real broker, as its users meet it: bad input, and a catalogue of one's own."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from audit.recount import audit_records
from broker.reading import read_topics
from catalogue.loader import load_catalogue
from events.dead_letters import RecordOrigin, read_dead_letter, sizes_of
from events.fact import Family
from events.topics import DEAD_LETTERS
from sources.emitting.explanation import SOURCE
from streams.settings import load_settings
from tests.support.commands import run_inside
from tests.support.explanations import explained
from tests.support.facts import mutated_records
from tests.support.kafka import KafkaBroker
from tests.support.recounts import compare
from tests.support.traffic import Message, message_of, send, wait_done
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(240)

MUTANTS = 20
LAST_DAY = date(2020, 12, 31)


#: Records that a worker refuses, each with a name in another position; the rest is harmless.
CARELESS = {
    "a JSON key": (b'{"nom":"Dupont"}', b'{"id": "1"}', ()),
    "a key in words": (b"Jean Dupont", b'{"id": "1"}', ()),
    "a JSON header": (b"k", b'{"id": "1"}', (("who", b'{"client":"Dupont"}'),)),
    "a header in words": (b"k", b'{"id": "1"}', (("who", "Léa Dupont".encode()),)),
    "a header's query": (b"k", b'{"id": "1"}', (("referer", b"https://x.fr/?nom=Dupont"),)),
    "a table's line": (b"k", b'{"uai": "0750652B", "client": "Dupont", "ville": "Paris"}', ()),
    "a line of a table": (b"k", b"0750652B;Dupont;Jean", ()),
    "a bare text": (b"k", b'"Dupont"', ()),
    "a list of texts": (b"k", b'["0750652B", "Dupont"]', ()),
    "a comment": (b"k", '{"data": {"note": "la mère de Léa Dupont"}}'.encode(), ()),
    "words as a code": (b"k", b'{"data": {"uai": "Jean Dupont"}}', ()),
    "a name of a field": (b"k", b'{"data": {"suivi par Dupont": 1}}', ()),
    "an id": (b"k", b'{"id": "dupont-1985-03-12", "data": {}}', ()),
    "compressed": (b"k", gzip.compress(b'{"nom": "Dupont"}'), ()),
    "UTF-16": (b"k", '{"nom": "Dupont"}'.encode("utf-16"), ()),
    "base64": (b"k", b'{"data_base64": "RHVwb250"}', ()),
    "a known code": (b"k", b'{"id": "1"}', ()),
}


def mutants(family: Family) -> list[Message]:
    made: list[Message] = []

    @seed(2016)
    @settings(
        max_examples=MUTANTS,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated_records(family))
    def collect(record: tuple[list[tuple[str, bytes]], bytes]) -> None:
        headers, value = record
        made.append(Message(family, b"mutant", value, tuple(headers)))

    collect()
    return made


def test_whatever_arrives_is_accepted_or_kept_as_a_dead_letter(
    broker: KafkaBroker, factory: WorkerFactory
) -> None:
    """Of what may say anything nothing is kept, and of the largest record where it lies."""
    largest = Message(Family.GRANTS, b"large", b"x" * (1024 * 1024 - 200))
    sent = [message for family in Family for message in mutants(family)]
    assert len(sent) >= MUTANTS * len(Family)
    sent += [Message(Family.SCHOOLS, key, value, head) for key, value, head in CARELESS.values()]
    sent += [largest, message_of(explained("2018-02-12", source=SOURCE, milestone="half"))]
    worker = factory.worker()
    worker.start()
    send(broker.bootstrap, sent)
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    worker.wait_ready()
    rules = load_settings(broker=broker.bootstrap).record_rules()
    audit = audit_records(read_topics(broker.bootstrap), load_catalogue(), LAST_DAY, rules=rules)
    assert compare(audit, [worker.url]).differences == ()
    account = audit.account
    assert account.produced == len(sent)
    assert account.produced == account.accepted + account.refused + account.duplicates

    letters = list(map(read_dead_letter, read_topics(broker.bootstrap, topics=[DEAD_LETTERS])))
    refused = Counter(origin for letter in letters for origin in letter.origins)
    assert len(refused) == refused.total() == account.refused > MUTANTS
    lying = {
        RecordOrigin(record.topic, record.partition, record.offset): record
        for record in read_topics(broker.bootstrap)
    }
    assert refused.keys() <= lying.keys()
    for letter in letters:
        if letter.summary is not None:
            continue
        record = lying[letter.origin]
        assert letter.timestamp == record.timestamp
        if letter.shortened:
            sizes = sizes_of(record.key, record.value, record.headers)
            assert letter.shortened == {name: size for name, size in sizes.items() if size}
        else:
            kept = (record.key, record.value, tuple(record.headers))
            assert (letter.key, letter.value, letter.headers) == kept
    assert {bool(letter.shortened) for letter in letters} == {True, False}
    names_nobody(broker, worker)
    [unknown] = (one for one in letters if b'"half"' in (lying[next(one.origins)].value or b""))
    assert (unknown.reason, unknown.field) == ("invalid_data", "data.milestone")
    [large] = (one for one in letters if one.shortened.get("value") == len(largest.value))
    shown = run_inside(broker, "dead-letters", "show", str(large.position), "--unmask")
    assert largest.value.decode() in shown.stdout
    assert worker.stop() == 0


def names_nobody(broker: KafkaBroker, worker: Worker) -> None:
    scorecards = run_inside(broker, "producers", "report")
    letters = repr(list(read_topics(broker.bootstrap, topics=[DEAD_LETTERS])))
    for shown in (letters, worker.log, worker.metrics(), scorecards.stdout, scorecards.stderr):
        assert "dupont" not in shown.lower()
