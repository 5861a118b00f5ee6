"""When to try again, and when to give up."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.retry_policy import RetryableError, RetryPolicy


class BusyError(RetryableError):
    def __init__(self, cause: str, *, retry_after: float = 0.0) -> None:
        self.cause = cause
        self.retry_after = retry_after
        super().__init__(cause)


class World:
    def __init__(self, seed: int = 0) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.chance = Random(seed)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def policy(self, total: float, first: float = 0.5, longest: float = 8.0) -> RetryPolicy:
        return RetryPolicy(total, first, longest, lambda: self.now, self.sleep, self.chance)


def failing(times: int, *, retry_after: float = 0.0) -> tuple[list[int], Callable[[], int]]:
    calls: list[int] = []

    def attempt() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise BusyError(f"failure {len(calls)}", retry_after=retry_after)
        return len(calls)

    return calls, attempt


@given(times=st.integers(0, 8), seed=st.integers())
def test_the_pauses_double_and_are_spread(times: int, seed: int) -> None:
    world = World(seed)
    calls, attempt = failing(times)
    assert world.policy(total=1_000).call(attempt) == len(calls) == times + 1
    for number, pause in enumerate(world.pauses):
        step = min(8.0, 0.5 * 2**number)
        assert step / 2 <= pause <= step


@given(total=st.floats(0, 100), seed=st.integers())
def test_retries_end_in_time_with_the_last_error(total: float, seed: int) -> None:
    world = World(seed)
    calls, attempt = failing(10**6)
    with pytest.raises(BusyError) as away:
        world.policy(total).call(attempt)
    assert world.now <= total
    assert away.value.cause == f"failure {len(calls)}"


def test_the_server_gets_the_pause_it_asks_for() -> None:
    world = World()
    _, attempt = failing(3, retry_after=20)
    world.policy(total=100).call(attempt)
    assert len(world.pauses) == 3
    assert all(20 <= pause <= 20.5 for pause in world.pauses)


def test_a_pause_beyond_the_total_is_not_begun() -> None:
    world = World()
    calls, attempt = failing(9, retry_after=300)
    with pytest.raises(BusyError):
        world.policy(total=30).call(attempt)
    assert (len(calls), world.pauses) == (1, [])
