"""When to try again, and when to give up."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.client.gateway_answer import GatewayAwayError, GatewayRefusedError
from operations.client.retries import RetryTimes


class World:
    """A clock that only sleeping moves, and what was slept."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.chance = Random(seed)

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, total: float, first: float = 0.5, longest: float = 8.0) -> RetryTimes:
        """Give patience in this world."""
        return RetryTimes(total, first, longest, lambda: self.now, self.sleep, self.chance)


def failing(times: int, *, pause: float = 0.0) -> tuple[list[int], object]:
    """Give an attempt that fails some times."""
    calls: list[int] = []

    def attempt() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise GatewayAwayError("url", cause=f"failure {len(calls)}", pause=pause)

    return calls, attempt


@given(times=st.integers(0, 8), seed=st.integers())
def test_the_pauses_double_and_are_spread(times: int, seed: int) -> None:
    """Each is between half and all of its step, and the steps double up to the longest."""
    world = World(seed)
    calls, attempt = failing(times)
    world.patience(total=1_000).attempt(attempt)  # type: ignore[arg-type]
    assert len(calls) == times + 1
    for number, pause in enumerate(world.pauses):
        step = min(8.0, 0.5 * 2**number)
        assert step / 2 <= pause <= step


@given(total=st.floats(0, 100), seed=st.integers())
def test_patience_ends_in_time_with_the_last_error(total: float, seed: int) -> None:
    """No pause goes beyond it, and at least one attempt is made."""
    world = World(seed)
    calls, attempt = failing(10**6)
    with pytest.raises(GatewayAwayError) as away:
        world.patience(total).attempt(attempt)  # type: ignore[arg-type]
    assert world.now <= total
    assert away.value.cause == f"failure {len(calls)}"


def test_the_gateway_gets_the_pause_it_asks_for() -> None:
    """Never less, and a little more by chance."""
    world = World()
    _, attempt = failing(3, pause=20)
    world.patience(total=100).attempt(attempt)  # type: ignore[arg-type]
    assert len(world.pauses) == 3
    assert all(20 <= pause <= 20.5 for pause in world.pauses)


def test_a_pause_beyond_the_patience_is_not_begun() -> None:
    """Who cannot wait so long gives up at once."""
    world = World()
    calls, attempt = failing(9, pause=300)
    with pytest.raises(GatewayAwayError):
        world.patience(total=30).attempt(attempt)  # type: ignore[arg-type]
    assert (len(calls), world.pauses) == (1, [])


def test_another_error_is_not_tried_again() -> None:
    """A wrong secret stays wrong."""
    world = World()

    def attempt() -> None:
        raise GatewayRefusedError("url", status=401, cause="who are you?")

    with pytest.raises(GatewayRefusedError):
        world.patience(total=30).attempt(attempt)
    assert world.pauses == []
