"""Traces of batches: the worker's spans, and what its dead letters and forwards keep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple, cast

import pytest
from faust.types import TP, Message

from boundary.spans import MOST_LINKS
from catalogue.loader import load_catalogue
from events.cloudevent import encode_structured, read_usual
from events.dead_letters import read_dead_letter
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import DEAD_LETTERS
from events.trace_context import TraceContext
from streams.assigned_partition import Batch
from streams.batch_transport import ProduceFailedError
from streams.clock import FixedClock
from streams.engine import TRACED_REFUSALS, Engine
from streams.state_store import Position
from tests.support.fake_group import GENERATION, FakeConsumer, FakeProducer
from tests.support.histories import event, uai
from tests.support.letters import arrived
from tests.support.records import PARTITIONS, FakeRecord, record_of
from tests.support.traces import (
    OTHER_PARENT,
    OTHER_TRACE,
    PARENT,
    STATE,
    TRACE,
    RecordedSpans,
    linked_traces,
    trace_of_span,
)

TOPIC = "smartregion.schools"
PROCESS = f"process {TOPIC}"
PARIS = uai("0750001")
HOME = partition_for(PARIS.encode(), PARTITIONS)


class _Message(NamedTuple):
    topic: str
    partition: int
    value: Batch
    tp: TP
    generation_id: int = GENERATION
    offset: int = 0


class TracedEngine:
    def __init__(self) -> None:
        self.spans = RecordedSpans()
        self.consumer, self.producer = FakeConsumer(), FakeProducer()
        self.engine = Engine(
            load_catalogue(), FixedClock(date(2020, 12, 31)), partitions=PARTITIONS
        )
        self.engine.tracing = self.spans

    def take(self, records: Sequence[FakeRecord], *, is_new: bool = True) -> None:
        start = Position(records[0].offset, None, 0)
        self.engine.state_store.move(Family.SCHOOLS, HOME, start)
        batch = Batch(records, start.next, is_new, is_new)
        message = cast("Message", _Message(TOPIC, HOME, batch, TP(TOPIC, HOME)))
        asyncio.run(
            self.engine.process_batch(
                Family.SCHOOLS, message, self.consumer.real, self.producer.real
            )
        )

    def written(self) -> list[OutgoingRecord]:
        return list(self.producer.records)


@pytest.fixture
def traced() -> TracedEngine:
    return TracedEngine()


def record(parent: str = PARENT, day: str = "2018-03-01") -> FakeRecord:
    made = record_of(event("school.connected", PARIS, day), partition=HOME)
    headers = (*made.headers, *TraceContext(parent, STATE).headers) if parent else made.headers
    return replace(made, headers=headers)


def refused(parent: str = PARENT, value: bytes = b"{}") -> FakeRecord:
    return replace(record(parent), value=value)


def test_a_batch_is_one_span_with_links_to_its_records(traced: TracedEngine) -> None:
    records = [record(), record(OTHER_PARENT, "2018-03-02"), record("", "2018-03-03")]
    traced.take(records)

    span = traced.spans.one(PROCESS)
    assert (span.kind.name, span.parent) == ("CONSUMER", None)
    assert linked_traces(span) == [TRACE, OTHER_TRACE]
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": TOPIC,
        "messaging.destination.partition.id": str(HOME),
        "messaging.kafka.offset": records[0].offset,
        "messaging.batch.message_count": 3,
        "smartregion.last_offset": records[-1].offset,
        "smartregion.refused": 0,
        "smartregion.forwarded": 0,
    }


def test_links_are_a_bounded_sample(traced: TracedEngine) -> None:
    parents = [f"00-{number:032x}-{number:016x}-01" for number in range(1, MOST_LINKS + 100)]
    traced.take([record(parent) for parent in [PARENT] * 5 + parents])

    links = linked_traces(traced.spans.one(PROCESS))
    assert links == [TRACE, *(parent[3:35] for parent in parents[: MOST_LINKS - 1])]


def test_records_that_were_processed_before_have_no_span(traced: TracedEngine) -> None:
    traced.take([record(), refused()], is_new=False)
    assert traced.spans.text() == ""


def test_a_refusal_is_in_the_trace_of_its_record(traced: TracedEngine) -> None:
    traced.take([record(), refused(OTHER_PARENT)])

    span = traced.spans.one(f"send {DEAD_LETTERS}")
    batch = traced.spans.one(PROCESS)
    assert (trace_of_span(span), linked_traces(span)) == (OTHER_TRACE, [trace_of_span(batch)])
    assert (span.attributes or {})["error.type"] == "not_a_cloudevent"
    assert (batch.attributes or {})["smartregion.refused"] == 1


def test_the_spans_of_refusals_are_bounded(traced: TracedEngine) -> None:
    traced.take([refused() for _ in range(TRACED_REFUSALS + 10)])
    assert len(traced.spans.named(f"send {DEAD_LETTERS}")) == TRACED_REFUSALS


@pytest.mark.parametrize("value", [b"{}", b'{"not": "kept", ', b'{"name": "Jeanne Dupont"}'])
def test_a_dead_letter_names_the_trace_whether_it_keeps_its_record_or_not(
    traced: TracedEngine, value: bytes
) -> None:
    traced.take([refused(value=value)])

    [letter] = map(read_dead_letter, arrived(traced.written()))
    assert ("traceparent", PARENT.encode()) in letter.headers
    assert bool(letter.shortened) == (value != b"{}")


def test_a_forward_keeps_the_context(traced: TracedEngine) -> None:
    other = next(
        one
        for one in (uai(f"075{number:04}") for number in range(1, 99))
        if partition_for(one.encode(), PARTITIONS) != HOME
    )
    misrouted = record_of(event("school.connected", other, "2018-03-01"), partition=HOME)
    context = TraceContext(PARENT, STATE)
    traced.take([replace(misrouted, headers=[*misrouted.headers, *context.headers])])

    [forward] = traced.written()
    assert set(context.headers) <= set(forward.headers)
    assert (traced.spans.one(PROCESS).attributes or {})["smartregion.forwarded"] == 1


def test_spans_have_nothing_of_records(traced: TracedEngine) -> None:
    traced.take([record(), refused(value=b'{"id": "id-of-event", "name": "Jeanne Dupont"}')])

    text = traced.spans.text()
    for content in (PARIS, "id-of", "Jeanne", "Dupont", "name-of", "lycees"):
        assert content not in text


def test_a_failure_is_named_without_its_message(traced: TracedEngine) -> None:
    traced.producer.failure = ProduceFailedError(DEAD_LETTERS, None, cause=OSError("Jeanne"))
    with pytest.raises(ProduceFailedError):
        traced.take([refused()])

    assert (traced.spans.one(PROCESS).attributes or {})["error.type"] == "ProduceFailedError"
    assert "Jeanne" not in traced.spans.text()


def test_a_record_with_a_context_is_read_in_one_pass() -> None:
    """A context must not cost a worker the fast way of reading an event."""
    made = encode_structured(event("school.connected", PARIS, "2018-03-01"))
    headers = [*made.headers, *TraceContext(PARENT, STATE).headers]

    assert read_usual(headers, made.value) is not None
    assert read_usual(headers, made.value + b" " * 2**18) is None
