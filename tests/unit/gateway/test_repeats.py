"""What is remembered of signed requests, for how long, and what a repeat is told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.authentication import Proof
from gateway.http_binding import HttpMode
from gateway.repeats import RETRY_SECONDS, PendingAnswer, Repeat, Repeats, StoredAnswer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


def proof(number: int = 1, *, producer: str = "lycees", at: datetime = NOW) -> Proof:
    """Make the proof of a request, signed at a time."""
    return Proof(producer, number.to_bytes(32, "little"), (at + TOLERANCE).timestamp())


def answer(body: bytes = b'{"receipts": []}', *, is_final: bool = True) -> StoredAnswer:
    """Make an answer."""
    return StoredAnswer(
        202 if is_final else 503, {"content-type": "application/json"}, body, is_final
    )


def answered(
    repeats: Repeats, given: StoredAnswer | None, of: Proof, *, charged: bool = True
) -> bool:
    """Let a request have its turn; False where it has none."""

    async def enter() -> bool:
        turn = repeats.enter(of, HttpMode.BATCH)
        if isinstance(turn, Repeat):
            return False
        with turn:
            if charged:
                turn.charged()
            if given is not None:
                turn.end(given)
        return True

    return asyncio.run(enter())


def repeated(repeats: Repeats, of: Proof) -> StoredAnswer | None:
    """Return the answer that a repeat is given."""

    async def enter() -> StoredAnswer | None:
        repeat = repeats.enter(of, HttpMode.BATCH)
        assert isinstance(repeat, Repeat)
        return await repeat.answer()

    return asyncio.run(enter())


@pytest.mark.parametrize("body", [b"{}", b'{"receipts": [%s]}' % b",".join([b'{"id": "1"}'] * 500)])
def test_a_repeat_is_given_the_first_answer(body: bytes) -> None:
    """Byte for byte, short or long."""
    repeats = Repeats(now=Clock())
    assert answered(repeats, answer(body), proof())
    assert [repeated(repeats, proof()) for _ in range(3)] == [answer(body)] * 3


def test_a_repeat_waits_for_an_answer_that_is_on_its_way() -> None:
    """It has no turn of its own, and one that gives up waiting ends nobody else's."""

    async def both() -> None:
        repeats = Repeats(now=Clock())
        turn = repeats.enter(proof(), HttpMode.BATCH)
        others = [repeats.enter(proof(), HttpMode.BATCH) for _ in range(2)]
        assert isinstance(turn, PendingAnswer)
        waiting = [
            asyncio.ensure_future(other.answer()) for other in others if isinstance(other, Repeat)
        ]
        await asyncio.sleep(0)
        waiting[0].cancel()
        with turn:
            turn.charged()
            turn.end(answer())
        assert await waiting[1] == answer()
        assert waiting[0].cancelled()

    asyncio.run(both())


def test_another_request_is_no_repeat() -> None:
    """Another fingerprint, or the same of another producer."""
    repeats = Repeats(now=Clock())
    assert answered(repeats, answer(), proof(1))
    assert answered(repeats, answer(), proof(2))
    assert answered(repeats, answer(), proof(1, producer="formation"))


def test_the_same_bytes_in_another_mode_are_answered_anew_and_not_charged_again() -> None:
    """Whoever overheard them can change neither the owner's answer nor its quota by that."""

    async def both() -> None:
        repeats = Repeats(now=Clock())
        for mode, was_charged in ((HttpMode.STRUCTURED, False), (HttpMode.BATCH, True)):
            turn = repeats.enter(proof(), mode)
            assert isinstance(turn, PendingAnswer)
            with turn:
                assert turn.is_charged is was_charged
                turn.charged()
                turn.end(answer(mode.encode()))
        for mode in (HttpMode.STRUCTURED, HttpMode.BATCH):
            repeat = repeats.enter(proof(), mode)
            assert isinstance(repeat, Repeat)
            assert await repeat.answer() == answer(mode.encode())

    asyncio.run(both())


def test_what_was_not_charged_is_not_remembered() -> None:
    """It is judged as if it came for the first time."""
    repeats = Repeats(now=Clock())
    assert answered(repeats, answer(is_final=False), proof(), charged=False)
    assert answered(repeats, answer(), proof())


def test_an_answer_that_is_not_the_last_word_is_tried_again_after_a_while() -> None:
    """A producer that is told to come back is let in, and pays once; nobody makes it sooner."""
    clock = Clock()
    repeats = Repeats(now=clock)
    assert answered(repeats, answer(is_final=False), proof())
    assert repeated(repeats, proof()) == answer(is_final=False)
    clock.now += timedelta(seconds=RETRY_SECONDS)

    async def again() -> None:
        turn = repeats.enter(proof(), HttpMode.BATCH)
        assert isinstance(turn, PendingAnswer)
        with turn:
            assert turn.is_charged
            turn.end(answer())

    asyncio.run(again())
    clock.now += timedelta(seconds=RETRY_SECONDS)
    assert repeated(repeats, proof()) == answer()


def test_a_request_that_failed_may_come_again_at_once() -> None:
    """It was charged, and is not charged again."""
    repeats = Repeats(now=Clock())
    assert answered(repeats, None, proof())
    assert answered(repeats, answer(), proof())
    assert repeated(repeats, proof()) == answer()


def test_a_request_is_remembered_as_long_as_its_signature_holds() -> None:
    """To the second, also where its clock was ahead; then it is forgotten."""
    clock = Clock()
    repeats = Repeats(now=clock)
    ahead = NOW + TOLERANCE
    assert answered(repeats, answer(), proof(1, at=ahead))
    assert answered(repeats, answer(), proof(2))
    clock.now = ahead + TOLERANCE
    assert repeated(repeats, proof(1, at=ahead)) == answer()
    clock.now += timedelta(seconds=1)
    assert answered(repeats, answer(), proof(1, at=ahead))
    assert answered(repeats, answer(), proof(2))


def test_an_answer_is_dropped_before_its_request_is_forgotten() -> None:
    """A repeat of it has no turn, and no answer."""
    repeats = Repeats(now=Clock(), most_answered=10_000)
    for number in range(100):
        assert answered(repeats, answer(), proof(number))
    assert repeated(repeats, proof(0)) is None
    assert repeated(repeats, proof(99)) == answer()


def test_one_producer_s_requests_push_out_nobody_else_s() -> None:
    """Each has a bound of its own, beyond which its oldest are forgotten."""
    repeats = Repeats(now=Clock(), most_requests=10)
    assert answered(repeats, answer(), proof(producer="formation"))
    for number in range(11):
        assert answered(repeats, answer(), proof(number))
    assert repeated(repeats, proof(producer="formation")) == answer()
    assert answered(repeats, answer(), proof(0))
    assert repeated(repeats, proof(10)) == answer()


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 400), st.sampled_from(["yes", "later", "no"])),
        max_size=60,
    )
)
def test_a_signature_is_charged_once(steps: list[tuple[int, int, str]]) -> None:
    """In whatever order requests come, fail, are told to come again and are forgotten."""
    clock = Clock()
    repeats = Repeats(now=clock)
    signed: dict[int, datetime] = {}
    charged: set[int] = set()

    def enter(number: int, end: str) -> None:
        turn = repeats.enter(proof(number, at=signed[number]), HttpMode.BATCH)
        if isinstance(turn, Repeat):
            assert number in charged
            return
        with turn:
            assert turn.is_charged is (number in charged)
            turn.charged()
            charged.add(number)
            if end != "no":
                turn.end(answer(is_final=end == "yes"))

    async def enter_all() -> None:
        for number, seconds, end in steps:
            clock.now += timedelta(seconds=seconds)
            if number not in signed or signed[number] + TOLERANCE < clock.now:
                signed[number] = clock.now
                charged.discard(number)
            enter(number, end)

    asyncio.run(enter_all())
