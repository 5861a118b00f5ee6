"""The road of an event in traces: a request, its record, the worker's batch, a dead letter."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from broker.reading import read_topics
from broker.writing import KafkaWriter
from events.records import OutgoingRecord
from events.topics import DEAD_LETTERS
from events.trace_context import TraceContext
from operations.programs.addresses import free_port
from tests.support.commands import run_inside
from tests.support.gateway import STRUCTURED, event
from tests.support.kafka import KafkaBroker
from tests.support.raw_http import asked, post
from tests.support.running_gateway import running_gateway
from tests.support.traces import (
    OTHER_PARENT,
    OTHER_TRACE,
    PARENT,
    TRACE,
    TraceReceiver,
    attributes_of,
    receiving_traces,
)
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

GATEWAY, WORKER = "smart-region-gateway", "smart-region-worker"
TOPIC = "smartregion.schools"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[TraceReceiver]:
    """Yield a receiver to which all programs of the test export their spans."""
    with receiving_traces() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield receiver


def trace_ids(spans: list[tuple[str, Span]]) -> list[tuple[str, str]]:
    return [(service, span.trace_id.hex()) for service, span in spans]


def test_an_event_is_followed_by_the_trace_of_its_producer(
    broker: KafkaBroker, factory: WorkerFactory, receiver: TraceReceiver, tmp_path: Path
) -> None:
    with running_gateway(broker.bootstrap, tmp_path) as (gateway, credentials):
        headers = (
            f"content-type: {STRUCTURED}",
            f"authorization: Bearer {credentials.token}",
            f"traceparent: {PARENT}",
        )
        for body in (event(1), event(2, id="", traceparent=OTHER_PARENT)):
            asked(gateway.port, post(json.dumps(body).encode(), *headers))
    # What the gateway had not exported yet is exported at its stop.
    requests = receiver.named("POST /events")
    assert trace_ids(requests) == [(GATEWAY, TRACE)] * 2
    refused = receiver.named(f"send {DEAD_LETTERS}")
    assert trace_ids(refused) == [(GATEWAY, OTHER_TRACE)]

    [record] = read_topics(broker.bootstrap, topics=[TOPIC])
    span_id = requests[0][1].span_id.hex()
    assert dict(record.headers)["traceparent"] == f"00-{TRACE}-{span_id}-01".encode()

    unread = OutgoingRecord(TOPIC, 0, b"key", b"{}", TraceContext(OTHER_PARENT).headers)
    with KafkaWriter(broker.bootstrap) as writer:
        writer.send([unread])
    with factory.worker(producers=str(tmp_path / "producers.yaml")) as worker:
        worker.wait_ready()
        assert wait_until(lambda: len(receiver.named(f"process {TOPIC}")) == 2, seconds=30)
    batches = {
        attributes_of(one)["messaging.destination.partition.id"]: one
        for service, one in receiver.named(f"process {TOPIC}")
        if service == WORKER
    }
    links = [
        (one.trace_id.hex(), one.span_id.hex()) for one in batches[str(record.partition)].links
    ]
    assert links == [(TRACE, span_id)]
    assert attributes_of(batches[str(record.partition)])["messaging.kafka.offset"] == record.offset
    assert [one.trace_id.hex() for one in batches["0"].links] == [OTHER_TRACE]

    shown = run_inside(broker, "dead-letters", "list", "--json").stdout
    letters = [json.loads(line) for line in shown.splitlines()]
    assert [(one["topic"], one["traceparent"]) for one in letters] == [
        ("http", OTHER_PARENT),
        (TOPIC, OTHER_PARENT),
    ]


def test_programs_work_without_the_receiver_of_their_spans(
    broker: KafkaBroker,
    factory: WorkerFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An operator's collector may be gone for longer than any program."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with running_gateway(broker.bootstrap, tmp_path) as (gateway, credentials):
        headers = (f"content-type: {STRUCTURED}", f"authorization: Bearer {credentials.token}")
        answer = asked(gateway.port, post(json.dumps(event()).encode(), *headers))
        assert answer.status == 202
        worker = factory.worker(producers=str(tmp_path / "producers.yaml"))
        with worker:
            worker.wait_ready()
            assert wait_until(lambda: worker.has_read("accepted"), seconds=30)
            assert worker.stop() == 0
    assert gateway.process.returncode == 0
    assert "Traceback" not in gateway.log + worker.log
