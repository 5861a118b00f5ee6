"""The relay between an outbox and a publisher, whatever fails in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from random import Random
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from boundary.postgres import DatabaseUnavailableError
from boundary.retry_policy import RetryPolicy
from events.cloudevent import CloudEvent, encode_structured
from events.topics import topic_name
from sources.client import DeliveryReport, FailedDelivery, GatewayRefusedError
from sources.relay.outbox import Outbox, WaitingEvent
from sources.relay.relay import (
    NotArrivedError,
    Relayed,
    relay_batch,
    relay_until_stopped,
    relay_waiting,
)
from tests.support.histories import event, uai

WHOLE, LOST, REFUSED, UNREADABLE = "whole", "lost", "refused", "unreadable"


class FakeOutbox(Outbox):
    """An outbox in memory, with its transactions; a wait ends the test."""

    def __init__(self, rows: Sequence[WaitingEvent]) -> None:
        self.rows = list(rows)
        self.aside: dict[int, str] = {}

    @contextmanager
    def taken(self, most: int) -> Iterator[Sequence[WaitingEvent]]:
        """Yield the first rows; undo what the block settles where it raises."""
        before = list(self.rows), dict(self.aside)
        try:
            yield self.rows[:most]
        except BaseException:
            self.rows, self.aside = before
            raise

    def delivered(self, seqs: Sequence[int]) -> None:
        self.rows = [row for row in self.rows if row.seq not in seqs]

    def refuse(self, seq: int, reason: str) -> None:
        self.delivered([seq])
        self.aside[seq] = reason

    def waiting(self) -> int:
        return len(self.rows)

    def wait(self, seconds: float) -> None:  # noqa: ARG002
        raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        pass


class FakePublisher:
    """A publisher that loses and refuses what a test plans, by the event's id; losses once."""

    def __init__(self, fates: dict[str, str]) -> None:
        self.fates = fates
        self.arrived: list[CloudEvent] = []
        self._queue: list[CloudEvent] = []

    def publish(self, event: CloudEvent) -> None:
        self._queue.append(event)

    def flush(self) -> DeliveryReport:
        failed = []
        for one in self._queue:
            fate = self.fates.get(one.id, WHOLE)
            if fate == WHOLE:
                self.arrived.append(one)
            else:
                failed.append(FailedDelivery(one, fate, refused=fate == REFUSED))
                if fate == LOST:
                    del self.fates[one.id]
        delivered = len(self._queue) - len(failed)
        self._queue.clear()
        return DeliveryReport(delivered, tuple(failed))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def row_of(number: int, lycee: int, *, readable: bool = True) -> WaitingEvent:
    """Return a row about a lycée; its event's id is its number."""
    about = event("school.connected", uai(f"075{lycee:04}"), "2018-03-01")
    about = CloudEvent(str(number), about.source, datetime(2018, 4, 1, tzinfo=UTC), about.fact)
    text = encode_structured(about).value.decode() if readable else "{}"
    return WaitingEvent(number, topic_name(about.fact.FAMILY), about.fact.entity_id, text)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from([WHOLE, WHOLE, LOST, REFUSED, UNREADABLE])),
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_whatever_fails_each_event_arrives_in_its_entitys_order_or_is_put_aside(
    planned: Sequence[tuple[int, str]], most: int
) -> None:
    rows = [
        row_of(number, lycee, readable=fate != UNREADABLE)
        for number, (lycee, fate) in enumerate(planned)
    ]
    fates = {str(number): fate for number, (_, fate) in enumerate(planned)}
    outbox, publisher = FakeOutbox(rows), FakePublisher(dict(fates))
    total = Relayed()
    for _ in range(200):
        if not outbox.rows:
            break
        with suppress(NotArrivedError):
            relay_batch(outbox, publisher, total, most=most)
    assert outbox.rows == []
    assert (total.sent, total.refused) == (len(rows) - len(outbox.aside), len(outbox.aside))

    kept = [int(number) for number, fate in fates.items() if fate in {WHOLE, LOST}]
    assert {int(one.id) for one in publisher.arrived} == set(kept)
    assert outbox.aside.keys() == {number for number in range(len(planned)) if number not in kept}
    last: dict[str, list[int]] = defaultdict(list)
    for one in publisher.arrived:
        last[one.fact.entity_id].append(int(one.id))
    for numbers in last.values():
        # The last time that each arrived is in order: what is behind was sent again, if at all.
        final = sorted(set(numbers), key=lambda one: len(numbers) - numbers[::-1].index(one))
        assert final == sorted(final)


class Growing(FakeOutbox):
    """An outbox into which an event comes with each that leaves it."""

    def delivered(self, seqs: Sequence[int]) -> None:
        super().delivered(seqs)
        self.rows += [row_of(seq + 100, 1) for seq in seqs]


def test_what_comes_meanwhile_is_for_the_next_time() -> None:
    """A job that sends what waits would never end beside an application that emits."""
    outbox, publisher = Growing([row_of(number, number) for number in (1, 2, 3)]), FakePublisher({})
    total = Relayed()

    relay_waiting(outbox, publisher, total, most=2)

    assert {"1", "2", "3"} <= {one.id for one in publisher.arrived}
    assert total == Relayed(sent=4)


class LongestPauses(Random):
    def uniform(self, _: float, b: float) -> float:
        return b


def pauses_of(outbox: FakeOutbox, *opened: FakePublisher | SmartRegionError) -> list[float]:
    """Run a relay that opens these publishers, or fails, in turn; return its pauses."""
    pauses: list[float] = []
    turns = iter(opened)

    def publisher() -> FakePublisher:
        turn = next(turns)
        if isinstance(turn, SmartRegionError):
            raise turn
        return turn

    policy = RetryPolicy(1.0, 1.0, 30.0, sleep=pauses.append, chance=LongestPauses())
    with pytest.raises(KeyboardInterrupt):
        relay_until_stopped(
            lambda: outbox, publisher, Relayed(), poll_seconds=5.0, retry_policy=policy
        )
    return pauses


class Emitting(Growing):
    """An outbox into which events come all the time: each batch takes a quarter of a minute."""

    def __init__(self) -> None:
        super().__init__([row_of(1, 1)])
        self.waits: list[float] = []
        self.clock = 0.0

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock += 15.0
        if self.clock > 130.0:
            raise KeyboardInterrupt


def test_a_busy_relay_logs_its_progress_each_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And takes the notifications meanwhile, which would fill the memory."""
    outbox = Emitting()
    caplog.set_level("INFO")
    with pytest.raises(KeyboardInterrupt):
        relay_until_stopped(
            lambda: outbox,
            lambda: FakePublisher({}),
            Relayed(),
            poll_seconds=5.0,
            retry_policy=RetryPolicy(clock=lambda: outbox.clock),
        )
    logged = [record.getMessage() for record in caplog.records]
    assert logged == ["relaying", "sent=5 refused=0", "sent=9 refused=0"]
    assert outbox.waits == [0.0] * 9


def test_what_is_unreachable_is_retried_with_growing_pauses() -> None:
    """Which begin anew after progress. A wrong setting is reported at once."""
    outbox, publisher = FakeOutbox([row_of(1, 1)]), FakePublisher({})
    gone = [DatabaseUnavailableError(OSError("gone"))] * 8
    assert pauses_of(outbox, *gone, publisher) == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert [one.id for one in publisher.arrived] == ["1"]

    outbox.rows = [row_of(number, number) for number in range(1, 4)]
    lost = [dict.fromkeys(ids, LOST) for ids in ("123", "123", "1", "")]
    assert pauses_of(outbox, *map(FakePublisher, lost)) == [1.0, 2.0, 1.0]
    with pytest.raises(SmartRegionError, match="is wrong"):
        pauses_of(outbox, SmartRegionError("database: is wrong"))


class Elsewhere(FakePublisher):
    """A publisher to an address where somebody else answers than the gateway, or the gateway."""

    def __init__(self, *, is_gateway: bool) -> None:
        super().__init__({})
        self._is_gateway = is_gateway

    def flush(self) -> DeliveryReport:
        raise GatewayRefusedError(
            "https://gateway.example", status=404, cause="nginx", is_gateway=self._is_gateway
        )


def test_a_page_of_a_proxy_in_the_gateways_place_is_waited_for() -> None:
    """As while both are started; that the gateway does not know the producer is an error."""
    outbox = FakeOutbox([row_of(1, 1)])
    assert pauses_of(outbox, Elsewhere(is_gateway=False), FakePublisher({})) == [1.0]
    outbox.rows.append(row_of(2, 2))
    with pytest.raises(GatewayRefusedError, match="takes no events at this address"):
        pauses_of(outbox, Elsewhere(is_gateway=True))


def test_the_log_repeats_no_refused_value(caplog: pytest.LogCaptureFixture) -> None:
    about = event("training.enrolled", f"k1-{0:032}", "2019-03-11")
    text = encode_structured(about).value.decode().replace(f"k1-{0:032}", "Jean Moulin")
    topic = topic_name(about.fact.FAMILY)
    outbox = FakeOutbox([WaitingEvent(1, topic, about.fact.entity_id, text), row_of(2, 1)])

    relay_batch(outbox, FakePublisher({"2": REFUSED}), Relayed())

    assert "Jean Moulin" in outbox.aside[1]
    hint = "smart_region.refused says why"
    assert [record.getMessage() for record in caplog.records] == [
        f"refused seq=1 topic=smartregion.trainings reason=invalid_data: {hint}",
        f"refused seq=2 topic=smartregion.schools reason=refused: {hint}",
    ]
