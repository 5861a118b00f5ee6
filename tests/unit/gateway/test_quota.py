"""Quotas: what passes, what waits, and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.producers.model import Producers, Quota
from gateway.problems import ProblemError
from gateway.quota import Quotas, TokenBucket, cost_of
from tests.support.producers import producer

# A moment's rounding: what a clock in floating point may lose of one token.
NEARLY = 1e-6


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def bucket(rate: int, burst: int) -> tuple[TokenBucket, Clock]:
    clock = Clock()
    return TokenBucket(Quota(events_per_second=rate, burst=burst), clock=clock), clock


def test_a_burst_passes_at_once_and_no_more() -> None:
    tokens, _ = bucket(rate=10, burst=3)
    assert [tokens.take(1) for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]


def test_more_than_the_burst_passes_from_a_full_bucket_and_is_owed() -> None:
    """A batch larger than the burst is not refused for ever; what follows waits for its debt."""
    tokens, clock = bucket(rate=100, burst=100)
    assert tokens.take(500) == 0
    assert tokens.take(1) == pytest.approx(4.01)
    clock.now += 5 + NEARLY
    assert tokens.take(500) == 0


@given(size=st.integers(0, 2**20))
def test_a_body_counts_by_its_size(size: int) -> None:
    assert (cost_of(size) - 1) * 1024 < max(size, 1) <= cost_of(size) * 1024


@given(
    rate=st.integers(1, 1_000),
    burst=st.integers(1, 1_000),
    asked=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 500)), max_size=60),
)
def test_no_more_passes_than_rate_and_burst_allow(
    rate: int, burst: int, asked: list[tuple[float, int]]
) -> None:
    tokens, clock = bucket(rate, burst)
    passed: list[tuple[float, int]] = []
    for pause, events in asked:
        clock.now += pause
        if tokens.take(events) == 0:
            passed.append((clock.now, events))
    for first, (since, _) in enumerate(passed):
        for last, (until, final) in enumerate(passed[first:], start=first):
            allowed = burst + (until - since) * rate + max(0, final - burst)
            assert sum(events for _, events in passed[first : last + 1]) <= allowed + NEARLY * rate


@given(
    rate=st.integers(1, 1_000),
    burst=st.integers(1, 1_000),
    asked=st.lists(st.integers(1, 500), min_size=1, max_size=20),
)
def test_who_always_waits_is_never_starved(rate: int, burst: int, asked: list[int]) -> None:
    tokens, clock = bucket(rate, burst)
    for events in asked:
        wait = tokens.take(events)
        if wait:
            clock.now += wait + NEARLY
            assert tokens.take(events) == 0


def test_each_producer_has_a_bucket_of_its_own() -> None:
    quotas = Quotas(Producers(producers=(producer("a", "/a"), producer("b", "/b"))), clock=Clock())
    quotas.take("a", 10_000 * 1024)
    with pytest.raises(ProblemError, match="wait 1 second") as refused:
        quotas.take("a", 1)
    assert refused.value.headers == {"Retry-After": "1"}
    quotas.take("b", 1)
    quotas.charge_events("b", 1, 10_001)
    with pytest.raises(ProblemError, match="over_quota"):
        quotas.take("b", 1)
