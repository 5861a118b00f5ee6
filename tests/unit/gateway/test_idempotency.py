"""Idempotency of signed requests: what is kept, for how long, and what a repeated one gets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.authentication import Proof
from gateway.http_binding import HttpMode
from gateway.idempotency import IdempotencyStore, StoredAnswer
from tests.support.async_tests import played

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def proof(number: int = 1, *, producer: str = "lycees", at: datetime = NOW) -> Proof:
    return Proof(producer, number.to_bytes(32, "little"), (at + TOLERANCE).timestamp())


def answer(*, is_final: bool = True) -> StoredAnswer:
    headers = {"content-type": "application/json"}
    return StoredAnswer(202 if is_final else 503, headers, b'{"receipts": []}', is_final)


async def answer_first(store: IdempotencyStore, of: Proof) -> None:
    with store.begin(of, HttpMode.BATCH) as pending:
        assert not pending.is_repeat
        pending.mark_charged()
        pending.store(answer())


async def repeat(store: IdempotencyStore, of: Proof) -> None:
    again = store.begin(of, HttpMode.BATCH)
    assert again.is_repeat
    assert await again.first_answer() == answer()


@played
async def test_a_repeat_waits_for_an_answer_that_is_on_its_way() -> None:
    store = IdempotencyStore(now=Clock())
    with store.begin(proof(), HttpMode.BATCH) as pending:
        others = [store.begin(proof(), HttpMode.BATCH) for _ in range(2)]
        assert [other.is_repeat for other in others] == [True, True]
        waiting = [asyncio.ensure_future(other.first_answer()) for other in others]
        await asyncio.sleep(0)
        waiting[0].cancel()
        pending.mark_charged()
        pending.store(answer())
    assert await waiting[1] == answer()
    assert waiting[0].cancelled()


@played
async def test_a_request_is_kept_until_its_signature_expires() -> None:
    clock = Clock()
    store = IdempotencyStore(now=clock)
    ahead = NOW + TOLERANCE
    await answer_first(store, proof(1, at=ahead))
    await answer_first(store, proof(2))
    clock.now = ahead + TOLERANCE
    await repeat(store, proof(1, at=ahead))
    clock.now += timedelta(seconds=1)
    await answer_first(store, proof(1, at=ahead))
    await answer_first(store, proof(2))


@played
async def test_one_producer_s_requests_push_out_nobody_else_s() -> None:
    store = IdempotencyStore(now=Clock(), max_requests=10)
    await answer_first(store, proof(producer="formation"))
    for number in range(11):
        await answer_first(store, proof(number))
    await repeat(store, proof(producer="formation"))
    await answer_first(store, proof(0))
    await repeat(store, proof(10))


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 400), st.sampled_from(["yes", "later", "no"])),
        max_size=60,
    )
)
def test_a_signature_is_charged_once(steps: list[tuple[int, int, str]]) -> None:
    clock = Clock()
    store = IdempotencyStore(now=clock)
    signed: dict[int, datetime] = {}
    charged: set[int] = set()

    def send(number: int, end: str) -> None:
        pending = store.begin(proof(number, at=signed[number]), HttpMode.BATCH)
        if pending.is_repeat:
            assert number in charged
            return
        with pending:
            assert pending.is_charged is (number in charged)
            pending.mark_charged()
            charged.add(number)
            if end != "no":
                pending.store(answer(is_final=end == "yes"))

    async def send_all() -> None:
        for number, seconds, end in steps:
            clock.now += timedelta(seconds=seconds)
            if number not in signed or signed[number] + TOLERANCE < clock.now:
                signed[number] = clock.now
                charged.discard(number)
            send(number, end)

    asyncio.run(send_all())
