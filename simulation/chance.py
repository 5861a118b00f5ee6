"""Random draws that are the same for a seed on every machine and every version of Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, pairwise
from random import Random
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, name: str) -> Random:
    """Return a generator for one concern, so that a change in one does not affect the others.

    Seeded by text: Python hashes it with SHA-512, never with its per-process `hash`.
    """
    return Random(f"{seed}:{name}")


def one_of(chance: Random, weights: Mapping[T, float]) -> T:
    """Return one of the mapping's keys, each as likely as its weight."""
    return chance.choices(list(weights), list(weights.values()))[0]


def day_between(chance: Random, first: date, last: date) -> date:
    """Return a day from `first` to `last`, both included."""
    return first + timedelta(days=chance.randint(0, (last - first).days))


def days_after(chance: Random, day: date, fewest: int, most: int) -> date:
    """Return a day that follows `day` by `fewest` to `most` days."""
    return day + timedelta(days=chance.randint(fewest, most))


def split(total: int, weights: Sequence[float]) -> list[int]:
    """Return whole parts in proportion to the weights, whose sum is exactly `total`."""
    sums = list(accumulate(weights))
    ends = [round(total * part / sums[-1]) for part in sums]
    return [end - start for start, end in pairwise([0, *ends])]
