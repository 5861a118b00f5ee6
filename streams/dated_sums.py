"""The common interface to the sums from which histories and explanations are computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from catalogue.explanations import Explanation
from catalogue.model import Promise
from catalogue.terms import Term
from streams.fold import SeriesKey


class DatedSeries(Protocol):
    """A figure over time; days are proleptic ordinals."""

    @property
    def steps(self) -> Mapping[int, int]:
        """The change of the figure on each day."""

    @property
    def reports(self) -> Collection[int]:
        """The days on which facts took effect."""


class DatedSums(Protocol):
    """The series and explanations of partitions, from a state store or received from workers."""

    @property
    def indexes(self) -> Mapping[Term, int]:
        """The terms of the series, with their indexes."""

    def all_series(self) -> Iterable[tuple[SeriesKey, DatedSeries]]:
        """Return the series of all partitions: a key may occur once per partition."""

    def explanations(self) -> Iterable[tuple[Promise, Explanation]]:
        """Return the explanations of all partitions, in no particular order."""
