"""The producers' client before the real gateway and a real broker."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from broker.reading import read_topics
from events.cloudevent import CloudEvent, decode
from events.fact import Family
from events.school import SchoolClosed
from events.signing import SigningSecret
from events.topics import topic_name
from sources.client import (
    BearerToken,
    GatewayPublisher,
    SignedRequests,
)
from tests.support.gateways import Credentials, Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.waiting import wait_until

PRODUCER = "lycees"
SOURCE = "urn:iledefrance:lycees"
SCHOOLS = topic_name(Family.SCHOOLS)
LAST = 299
"""More than the producer sends before it is killed for the last time."""


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return issue_credentials(PRODUCER, tmp_path)


@pytest.fixture
def gateway(broker: KafkaBroker, credentials: Credentials, tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(broker.bootstrap, tmp_path, secrets=credentials.file) as gateway:
        yield gateway


def event(number: int, source: str = SOURCE) -> CloudEvent:
    return CloudEvent(
        id=str(number),
        source=source,
        time=datetime(2019, 3, 11, 9, 30, tzinfo=UTC),
        fact=SchoolClosed(uai="0750419Y", closed_on=date(2019, 3, 11)),
    )


def on_topic(broker: KafkaBroker) -> list[CloudEvent]:
    records = sorted(
        read_topics(broker.bootstrap, topics=[SCHOOLS]), key=lambda record: record.offset
    )
    return [decode(record.headers, record.value) for record in records]


@pytest.mark.parametrize("signs", [False, True])
def test_what_is_delivered_is_on_the_topic(
    gateway: Gateway,
    broker: KafkaBroker,
    credentials: Credentials,
    signs: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    secret = SigningSecret.from_text(credentials.signing_secret)
    proof = SignedRequests(PRODUCER, secret) if signs else BearerToken(SecretStr(credentials.token))
    events = [event(number) for number in range(1_200)]
    with GatewayPublisher(gateway.url, proof) as publisher:
        for one in events:
            publisher.publish(one)
        assert publisher.flush().delivered + publisher.flush().delivered == len(events)
    assert on_topic(broker) == events


class SpoolProcess:
    """Runs `tests.support.spooling_producer`; each run continues after the last noted event."""

    def __init__(self, url: str, folder: Path, *, token: str, last: int) -> None:
        self.spool = folder / "spool.db"
        self._notes = folder / "notes"
        self._command = [
            *(sys.executable, "-m", "tests.support.spooling_producer"),
            *(url, str(self.spool), str(self._notes), str(last), token),
        ]

    def start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        if not process.stdout.readline():
            raise AssertionError(process.communicate()[1].decode())
        return process

    def safe(self) -> int:
        """Return how many events it has noted as published."""
        return len(self._notes.read_text().split()) if self._notes.exists() else 0


@pytest.mark.nightly
@pytest.mark.timeout(240)
def test_nothing_is_lost_when_both_are_killed(
    gateway: Gateway, broker: KafkaBroker, credentials: Credentials, tmp_path: Path
) -> None:
    chance = random.Random(7)
    producer = SpoolProcess(gateway.url, tmp_path, token=credentials.token, last=LAST)
    for life in range(4):
        process = producer.start()
        enough = producer.safe() + chance.randint(5, 20)
        wait_until(
            lambda enough=enough: producer.safe() >= enough,  # type: ignore[misc]
            seconds=chance.uniform(0.1, 1),
            every=0.001,
        )
        if life % 2:
            gateway.process.kill()
            gateway.process.wait()
        process.kill()
        process.communicate()
        if life % 2:
            gateway.launch()
    assert 0 < producer.safe() <= LAST

    assert wait_until(lambda: gateway.ready, seconds=60)
    process = producer.start()
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 0, errors.decode()
    first_seen = list(dict.fromkeys(int(one.id) for one in on_topic(broker)))
    assert first_seen == list(range(LAST + 1))
