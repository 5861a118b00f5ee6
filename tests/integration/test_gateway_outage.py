"""Half a minute at full rate, ten seconds of it without a broker: what is accepted is kept."""

import http.client
import itertools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from broker.reading import read_topics
from catalogue.loader import load_catalogue
from events.cloudevent import decode_json
from events.errors import ContractError
from operations.audit.comparison import compare
from operations.audit.recount import audit_records
from tests.bench.exposed import exposed_sum
from tests.support.gateway import BATCH
from tests.support.gateways import Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.traffic import Message, region, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory, supervised

BEFORE_SECONDS = AFTER_SECONDS = 10
OUTAGE_SECONDS = 10
"""Twice the delivery timeout: what waits for the broker is given up, and refused."""
SENDERS = 3
EVENTS_PER_BATCH = 100
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2020, 12, 31)

#: All the simulator's systems as one producer, whose quota is never the limit.
PRODUCERS = """\
producers:
  - id: region
    title: Région
    contact: region
    sources: ["urn:iledefrance"]
    types: [school.*, equipment.*, broadband.*, coworking.*, workstation.*, training.*, grant.*,
      dataset.*, indicator.*, milestone.*]
    quota: { events_per_second: 1_000_000, burst: 1_000_000 }
    expected_every: daily
"""

_ID = re.compile(rb'"id":"([^"]*)"')

Position = tuple[str, int, int]


@dataclass
class Account:
    """The answers to all senders."""

    receipts: dict[str, Position] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    hung_up: int = 0
    refused: list[object] = field(default_factory=list)


def batches(lines: Sequence[bytes]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield events in batches, again and again under other ids."""
    batch: list[tuple[str, bytes]] = []
    for turn in itertools.count():
        for line in lines:
            found = _ID.search(line)
            assert found is not None
            name = b"%s-%03d" % (found[1], turn)
            batch.append((name.decode(), _ID.sub(b'"id":"%s"' % name, line, count=1)))
            if len(batch) == EVENTS_PER_BATCH:
                yield batch
                batch = []


class Sender(threading.Thread):
    """Sends batch after batch; sends again what was not accepted, as a client should."""

    def __init__(
        self,
        gateway: Gateway,
        token: str,
        waiting: Iterator[list[tuple[str, bytes]]],
        lock: threading.Lock,
        account: Account,
        over: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._port = gateway.port
        self._headers = {"content-type": BATCH, "authorization": f"Bearer {token}"}
        self._waiting = waiting
        self._lock = lock
        self._account = account
        self._over = over

    def run(self) -> None:
        """Send until it is over."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        batch: list[tuple[str, bytes]] = []
        while not self._over.is_set():
            if not batch:
                with self._lock:
                    batch = next(self._waiting)
            batch = self._send(connection, batch)
        connection.close()

    def _send(
        self, connection: http.client.HTTPConnection, batch: list[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        """Send a batch; returns what of it is to be sent again."""
        body = b"[%s]" % b",".join(line for _, line in batch)
        account = self._account
        try:
            connection.request("POST", "/events", body, self._headers)
            answer = connection.getresponse()
            parsed = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            with self._lock:
                account.hung_up += 1
            return batch
        with self._lock:
            account.answers[answer.status] += 1
            if answer.status == 202:
                account.receipts.update(_position(one) for one in parsed["receipts"])
                return []
            items = parsed.get("items")
            if items is None:
                assert answer.status == 503, parsed
                time.sleep(min(1.0, float(answer.headers["retry-after"])))
                return batch
            account.receipts.update(_position(one["receipt"]) for one in items if "receipt" in one)
            account.refused += [one for one in items if one["status"] not in (202, 503)]
        return [batch[one["index"]] for one in items if one["status"] == 503]


def _position(receipt: dict[str, object]) -> tuple[str, Position]:
    topic, partition, offset = receipt["topic"], receipt["partition"], receipt["offset"]
    assert isinstance(topic, str)
    assert isinstance(partition, int)
    assert isinstance(offset, int)
    return str(receipt["id"]), (topic, partition, offset)


@contextmanager
def sending(
    gateway: Gateway, token: str, events: Sequence[bytes], account: Account
) -> Iterator[None]:
    """Let all senders send; in the end each has its last answer."""
    waiting, lock, over = batches(events), threading.Lock(), threading.Event()
    senders = [Sender(gateway, token, waiting, lock, account, over) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        yield
    finally:
        over.set()
        for sender in senders:
            sender.join(60)
    assert not any(sender.is_alive() for sender in senders)


@pytest.mark.timeout(600)
def test_what_the_gateway_accepted_is_on_the_topics(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    """Each receipt names the place of its event; figures are the audit's, to the last one."""
    (tmp_path / "producers.yaml").write_text(PRODUCERS, encoding="utf-8")
    credentials = issue_credentials("region", tmp_path)
    settings = {
        "SMART_REGION_PRODUCERS": str(tmp_path / "producers.yaml"),
        "SMART_REGION_GATEWAY_DELIVERY_TIMEOUT": "5",
    }
    worker = factory.worker()
    account = Account()
    events = [one.value for one in region(7, FIRST_DAY, date(2017, 12, 31)) if _is_right(one)]
    with (
        supervised(worker),
        Gateway(broker.bootstrap, tmp_path, secrets=credentials.file, settings=settings) as gateway,
    ):
        worker.wait_ready()
        with sending(gateway, credentials.token, events, account):
            assert wait_until(lambda: account.answers[202] > 0, seconds=30)
            assert not wait_until(lambda: not gateway.alive, seconds=BEFORE_SECONDS, every=1)
            broker.stop()
            stopped = time.monotonic()
            assert not wait_until(lambda: not gateway.alive, seconds=OUTAGE_SECONDS, every=1)
            broker.start()
            away = time.monotonic() - stopped
            assert wait_until(lambda: gateway.ready, seconds=30)
            assert not wait_until(lambda: not gateway.alive, seconds=AFTER_SECONDS, every=1)
        assert away >= OUTAGE_SECONDS
        assert account.answers[503] > 0, account.answers
        assert account.refused == []

        records = list(read_topics(broker.bootstrap))
        on_topics = {(one.topic, one.partition, one.offset): _id_of(one.value) for one in records}
        wrong = {
            name: position
            for name, position in account.receipts.items()
            if on_topics.get(position) != name
        }
        assert wrong == {}
        assert len(records) >= len(account.receipts)
        assert len(set(on_topics.values())) >= len(account.receipts)
        accepted = exposed_sum(
            gateway.metrics(),
            "smartregion_gateway_events_total",
            producer="region",
            outcome="accepted",
        )
        # Receipts of answers that did not reach their sender are the gateway's alone.
        assert accepted >= len(account.receipts)

        assert wait_done(broker.bootstrap, seconds=300), worker.log()[-3000:]
        worker.wait_ready()
        audit = audit_records(records, load_catalogue(), LAST_DAY)
        assert compare(audit, [worker.url]).differences == ()
    print(  # noqa: T201 - the numbers are half of what this test is for
        f"{len(account.receipts)} accepted, {len(records)} on the topics, "
        f"{away:.0f} s without a broker, answers {dict(account.answers)}"
    )


def _is_right(message: Message) -> bool:
    """Return whether a record is an event: the simulated systems also make mistakes."""
    try:
        decode_json(message.value)
    except ContractError:
        return False
    return True


def _id_of(value: bytes | None) -> str:
    found = _ID.search(value or b"")
    return found[1].decode() if found else ""
