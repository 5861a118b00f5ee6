"""The gateway on a real broker: what it acknowledged is there, and it says when it cannot."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.reading import read_topics
from broker.stored_record import RawRecord
from events.partitioning import partition_for
from tests.support.gateway import BATCH, PRODUCER, STRUCTURED, event
from tests.support.gateways import Credentials, Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.processes import freeze
from tests.support.raw_http import Answer, RawConnection, asked, post, request
from tests.support.running_gateway import running_gateway
from tests.support.waiting import wait_until

Opened = tuple[Gateway, Credentials]


@pytest.fixture
def opened(broker: KafkaBroker, tmp_path: Path) -> Iterator[Opened]:
    with running_gateway(broker.bootstrap, tmp_path) as gateway:
        yield gateway


def send(opened: Opened, body: bytes, media_type: str = STRUCTURED) -> Answer:
    gateway, credentials = opened
    return asked(gateway.port, post(body, f"content-type: {media_type}", bearer(credentials)))


def bearer(credentials: Credentials) -> str:
    return f"authorization: Bearer {credentials.token}"


def test_a_receipt_says_where_the_event_is(opened: Opened, broker: KafkaBroker) -> None:
    bodies = [json.dumps(event(number)) for number in range(3)]

    answer = send(opened, f"[{', '.join(bodies)}]".encode(), BATCH)

    records = {(one.topic, one.partition, one.offset): one for one in _schools(broker)}
    receipts = answer.json["receipts"]
    assert answer.status == 202
    found = [records[one["topic"], one["partition"], one["offset"]] for one in receipts]
    assert [one.value for one in found] == [body.encode() for body in bodies]
    assert {one.partition for one in found} == {partition_for(b"0750652B", 8)}


def test_a_stop_finishes_what_it_took(opened: Opened, broker: KafkaBroker) -> None:
    gateway, credentials = opened
    body = json.dumps(event()).encode()
    whole = post(body, f"content-type: {STRUCTURED}", bearer(credentials))
    with RawConnection(gateway.port) as line:
        line.send(whole[:-10])
        assert wait_until(lambda: _has_begun(gateway), seconds=10)
        gateway.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: not gateway.listens, seconds=10)
        assert gateway.alive
        line.send(whole[-10:])
        answer = line.answer()

    assert answer is not None
    assert answer.status == 202
    assert gateway.process.wait(timeout=20) == 0
    assert [record.value for record in _schools(broker)] == [body]


def test_a_stop_before_it_serves_counts(tmp_path: Path) -> None:
    """As where a broker takes its connection and says nothing: the first look takes seconds."""
    secrets = issue_credentials(PRODUCER, tmp_path).file
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        gateway = Gateway(f"127.0.0.1:{silent.getsockname()[1]}", tmp_path, secrets=secrets)
        gateway.launch()
        try:
            connection, _ = silent.accept()
            with connection:
                gateway.process.send_signal(signal.SIGTERM)
                assert gateway.process.wait(timeout=15) == 0, gateway.log
        finally:
            gateway.kill()


@pytest.mark.timeout(180)
def test_a_gateway_without_a_broker_says_so_until_it_is_back(
    broker: KafkaBroker, tmp_path: Path
) -> None:
    body = json.dumps(event()).encode()
    with running_gateway(broker.bootstrap, tmp_path, gateway_delivery_timeout="6") as opened:
        assert send(opened, body).status == 202
        broker.stop()
        assert wait_until(lambda: not opened[0].ready, seconds=15)

        away = send(opened, body)
        broker.start()

        assert (away.status, away.problem) == (503, "broker_away")
        assert int(away.headers["retry-after"]) > 0
        assert wait_until(lambda: opened[0].ready, seconds=30)
        assert send(opened, body).status == 202

        broker.stop()
        gateway = opened[0]
        gateway.process.terminate()
        assert gateway.process.wait(timeout=20) == 0
        gateway.launch()
        assert wait_until(lambda: gateway.listens, seconds=20)
        assert send(opened, body).status == 503
        broker.start()
        assert wait_until(lambda: gateway.ready, seconds=30)
        assert send(opened, body).status == 202


def test_a_frozen_broker_is_noticed(broker: KafkaBroker, tmp_path: Path) -> None:
    """It keeps its connections and answers nothing: requests are answered within the deadline."""
    body = json.dumps(event()).encode()
    with running_gateway(broker.bootstrap, tmp_path, gateway_delivery_timeout="4") as opened:
        freeze(broker.process)
        try:
            began = time.monotonic()
            answer = send(opened, body)
            waited = time.monotonic() - began
        finally:
            broker.process.send_signal(signal.SIGCONT)
        assert answer.status == 503
        assert waited < 15
        assert wait_until(lambda: opened[0].ready, seconds=60)
        assert send(opened, body).status == 202


def test_topics_that_are_missing_are_named(kafka: KafkaBroker, tmp_path: Path) -> None:
    secrets = issue_credentials(PRODUCER, tmp_path).file
    gateway = Gateway(kafka.bootstrap, tmp_path, secrets=secrets)
    gateway.launch()
    try:
        assert wait_until(lambda: gateway.listens, seconds=20)
        answer = asked(gateway.probe_port, request("GET", "/readyz"))
        assert answer.status == 503
        assert "smart-region topics apply" in answer.json["waiting_for"]
    finally:
        gateway.__exit__()


def _schools(broker: KafkaBroker) -> list[RawRecord]:
    return list(read_topics(broker.bootstrap, topics=["smartregion.schools"]))


def _has_begun(gateway: Gateway) -> bool:
    """Whether another request is answered: then the server has turned to what came before it."""
    with RawConnection(gateway.port) as line:
        line.send(request("GET", "/healthz"))
        return line.answer() is not None
