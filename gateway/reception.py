"""From what an authenticated producer has sent to what is answered about each item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from events.dead_letters import GATEWAY, OriginalRecord, dead_letter_record
from events.records import OutgoingRecord
from gateway.admission import Admission, AdmittedItem, RefusedItem
from gateway.answers import Item, Problem
from gateway.exposition import EventOutcome, GatewayCollector
from gateway.http_binding import ReceivedItem
from gateway.problems import KINDS, of_contract
from gateway.slow_work import WorkScheduler
from gateway.topics_writer import BrokerAwayError, Written

__all__ = ["Reception", "RecordsWriter"]


class RecordsWriter(Protocol):
    """Writes records on their topics: see `TopicsWriter`."""

    @property
    def waiting_for(self) -> str | None:
        """Why nothing is taken, in words; None: records are taken."""

    async def write(self, records: Sequence[OutgoingRecord]) -> list[Written | None]:
        """Write records; None for each that was not acknowledged."""


class Reception:
    """Judges items, writes those that are let in, keeps those that are not, and counts both."""

    def __init__(
        self,
        admission: Admission,
        writer: RecordsWriter,
        exposition: GatewayCollector,
        scheduler: WorkScheduler,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._admission = admission
        self._writer = writer
        self._exposition = exposition
        self._scheduler = scheduler
        self._now = now

    async def take(
        self,
        items: Sequence[ReceivedItem],
        producer: str,
        *,
        has_left: Callable[[], Awaitable[bool]],
    ) -> list[Item]:
        """Return what became of each item, once all of it is known.

        An event's receipt is given when all replicas have acknowledged it, never before. One item
        neither blocks nor loses another. A refused item is also kept as a dead letter; the answer
        does not depend on that. Raises ClientDisconnect where the client `has_left` before a large
        request was judged: nothing of it is then written.
        """
        size = sum(len(item.value) for item in items)
        judged = await self._scheduler.run_each(
            producer, size, items, partial(self._judge, producer), has_left=has_left
        )
        places = await self._written([record for _, record in judged])
        verdicts = [verdict for verdict, _ in judged]
        self._count(verdicts, places, producer)
        return [
            _answer(index, verdict, written)
            for index, (verdict, written) in enumerate(zip(verdicts, places, strict=True))
        ]

    def _judge(
        self, producer: str, item: ReceivedItem
    ) -> tuple[AdmittedItem | RefusedItem, OutgoingRecord | None]:
        """Return what is thought of an item, and the record that it becomes."""
        verdict = self._admission.judge(item, producer)
        if isinstance(verdict, AdmittedItem):
            return verdict, verdict.record
        return verdict, self._letter(verdict, producer)

    def _letter(self, refused: RefusedItem, producer: str) -> OutgoingRecord | None:
        if not refused.has_letter:
            return None
        item = refused.item
        original = OriginalRecord(GATEWAY, None, item.value, item.headers, producer)
        return dead_letter_record(original, refused.content, now=self._now())

    async def _written(self, records: list[OutgoingRecord | None]) -> list[Written | None]:
        try:
            places = iter(await self._writer.write([one for one in records if one is not None]))
        except BrokerAwayError:
            return [None] * len(records)
        return [None if one is None else next(places) for one in records]

    def _count(
        self,
        judged: Sequence[AdmittedItem | RefusedItem],
        places: Sequence[Written | None],
        producer: str,
    ) -> None:
        """Count all at once: to find a series takes longer than to judge an event."""
        fates: Counter[EventOutcome] = Counter()
        for one, place in zip(judged, places, strict=True):
            if isinstance(one, RefusedItem):
                fates[EventOutcome.REFUSED] += 1
                self._exposition.count_refused(producer, one.error.reason.value)
            else:
                fates[EventOutcome.FAILED if place is None else EventOutcome.ACCEPTED] += 1
        for fate, number in fates.items():
            self._exposition.count_events(producer, fate, number)


def _answer(index: int, verdict: AdmittedItem | RefusedItem, written: Written | None) -> Item:
    if isinstance(verdict, RefusedItem):
        return _refusal(index, of_contract(verdict.error))
    if written is None:
        detail = "the broker did not acknowledge the event: send it again"
        return _refusal(index, KINDS["broker_away"].problem(detail))
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
