"""Judges and writes the items of an authenticated producer's request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from time import time_ns
from typing import NamedTuple, TypeAlias

from boundary.tracing import OFF, Tracing
from events.claims import trace_of
from events.cloudevent import MAX_BYTES, Header, record_size
from events.dead_letters import GATEWAY, OriginalRecord, dead_letter_record
from events.records import OutgoingRecord
from events.trace_context import TraceContext
from gateway.admission import Admission, AdmittedItem, RefusedItem
from gateway.answers import Item, Problem
from gateway.exposition import EventOutcome, GatewayCollector
from gateway.http_binding import ReceivedItem
from gateway.problems import of_contract, problem_kinds
from gateway.topics_writer import Written
from gateway.work_scheduling import WorkScheduler

Write: TypeAlias = Callable[[Sequence[OutgoingRecord]], Awaitable[list[Written | None]]]
"""Writes records to their topics; returns None for each that was not acknowledged."""


class _Judged(NamedTuple):
    """The verdict on an item, and the record that it becomes, if any."""

    verdict: AdmittedItem | RefusedItem
    record: OutgoingRecord | None
    own_trace: TraceContext | None = None
    """The event's own context, where traces are on."""


class Reception:
    """Judges items, writes the admitted ones and dead letters of most others, and counts both."""

    def __init__(
        self,
        admission: Admission,
        write: Write,
        exposition: GatewayCollector,
        scheduler: WorkScheduler,
        *,
        now: Callable[[], datetime],
        tracing: Tracing = OFF,
    ) -> None:
        self._admission = admission
        self._write = write
        self._exposition = exposition
        self._scheduler = scheduler
        self._now = now
        self._tracing = tracing

    async def receive(self, items: Sequence[ReceivedItem], producer: str) -> list[Item]:
        """Return the outcome of each item, once all are known.

        An event gets its receipt once all replicas have acknowledged it, never before. No item can
        block or lose another. A refused item is also written as a dead letter if it `has_letter`;
        its answer does not depend on that.
        """
        began = time_ns()
        size = sum(len(item.value) for item in items)
        judged = await self._scheduler.run_each(
            producer, size, items, partial(self._judge, producer, self._request())
        )
        written = await self._written([one.record for one in judged])
        self._trace(judged, written, began)
        verdicts = [one.verdict for one in judged]
        self._count(verdicts, written, producer)
        return [
            _answer(index, verdict, position)
            for index, (verdict, position) in enumerate(zip(verdicts, written, strict=True))
        ]

    def _judge(self, producer: str, request: TraceContext | None, item: ReceivedItem) -> _Judged:
        verdict = self._admission.judge(item, producer)
        own = trace_of(item.headers, item.value) if self._tracing.is_on else None
        # The event's own context is its creator's. It is copied beside the value, which is kept
        # byte for byte, and whose readers would have to parse it.
        context = own or request
        added = () if context is None else context.headers
        if isinstance(verdict, RefusedItem):
            return _Judged(verdict, self._letter(verdict, producer, added), own)
        record = verdict.record
        if added:
            headers = (*record.headers, *added)
            if record_size(headers, item.value) <= MAX_BYTES:  # Or else workers would refuse it.
                record = record._replace(headers=headers)
        return _Judged(verdict, record, own)

    def _letter(
        self, refused: RefusedItem, producer: str, added: Sequence[Header]
    ) -> OutgoingRecord | None:
        if not refused.has_letter:
            return None
        item = refused.item
        original = OriginalRecord(GATEWAY, None, item.value, (*item.headers, *added), producer)
        return dead_letter_record(original, refused.content, now=self._now())

    def _request(self) -> TraceContext | None:
        """Return the context of the request's span; None where traces are off."""
        current = self._tracing.current()
        return None if current is None else TraceContext(*current)

    def _trace(
        self, judged: Sequence[_Judged], written: Sequence[Written | None], began: int
    ) -> None:
        """Add a span to the traces of events that are not in the request's."""
        request = self._request()
        if request is None:
            return
        for (verdict, record, own), position in zip(judged, written, strict=True):
            if own is None or record is None or own.trace_id == request.trace_id:
                continue
            error = None if position else "broker_away"
            if isinstance(verdict, RefusedItem):
                error = verdict.error.reason.value
            self._tracing.sent(
                record.topic, own, began=began, position=position and position[1:], error=error
            )

    async def _written(self, records: list[OutgoingRecord | None]) -> list[Written | None]:
        positions = iter(await self._write([one for one in records if one is not None]))
        return [None if one is None else next(positions) for one in records]

    def _count(
        self,
        judged: Sequence[AdmittedItem | RefusedItem],
        written: Sequence[Written | None],
        producer: str,
    ) -> None:
        """Count all at once: looking up a series takes longer than judging an event."""
        outcomes: Counter[EventOutcome] = Counter()
        for one, position in zip(judged, written, strict=True):
            if isinstance(one, RefusedItem):
                outcomes[EventOutcome.REFUSED] += 1
                self._exposition.count_refused(producer, one.error.reason.value)
            else:
                outcomes[EventOutcome.FAILED if position is None else EventOutcome.ACCEPTED] += 1
        for outcome, number in outcomes.items():
            self._exposition.count_events(producer, outcome, number)


def _answer(index: int, verdict: AdmittedItem | RefusedItem, written: Written | None) -> Item:
    if isinstance(verdict, RefusedItem):
        return _refusal(index, of_contract(verdict.error))
    if written is None:
        detail = "the broker did not acknowledge the event: send it again"
        return _refusal(index, problem_kinds()["broker_away"].problem(detail))
    topic, partition, offset = written
    return {
        "index": index,
        "status": 202,
        "receipt": {
            "id": verdict.event.id,
            "source": verdict.event.source,
            "topic": topic,
            "partition": partition,
            "offset": offset,
        },
    }


def _refusal(index: int, problem: Problem) -> Item:
    return {"index": index, "status": problem["status"], "problem": problem}
