"""Chance: independent streams, whole parts, days within bounds."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from simulation.chance import day_between, days_after, one_of, split, stream


def test_streams_of_a_seed_differ_by_name_and_never_by_run() -> None:
    """A seed's first number is fixed for ever: another one here is another simulation."""
    assert stream(1, "a").random() == stream(1, "a").random()
    assert stream(1, "a").random() != stream(1, "b").random()
    assert stream(7, "lycees").getrandbits(32) == 3102213838


@given(st.integers(0, 10**9), st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_parts_add_up_to_the_whole(total: int, weights: list[float]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part - total * weight / sum(weights)) <= 1 + 1e-6 * total
        for part, weight in zip(parts, weights, strict=True)
    )
    assert min(parts) >= 0


@given(st.integers(0, 100), st.integers(0, 100))
def test_days_stay_within_their_bounds(seed: int, most: int) -> None:
    first = date(2016, 1, 1)
    last = date.fromordinal(first.toordinal() + most)
    assert first <= day_between(stream(seed, "days"), first, last) <= last
    assert first <= days_after(stream(seed, "days"), first, 0, most) <= last


def test_a_choice_without_weight_is_never_made() -> None:
    chance = stream(1, "weights")
    assert {one_of(chance, {"never": 0.0, "always": 1.0}) for _ in range(100)} == {"always"}
