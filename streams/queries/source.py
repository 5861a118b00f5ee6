"""Where an assessor takes histories from: the changelogs, or the workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from catalogue.terms import Term
from streams.dated_sums import DatedSums
from streams.topic_faults import TopicFault


class HistorySource(Protocol):
    """Histories that grow; one thread polls."""

    @property
    def sums(self) -> DatedSums:
        """What is known so far."""

    @property
    def faults(self) -> Sequence[TopicFault]:
        """What topics have lost, as far as the source can see it."""

    def poll(self, *, timeout: float) -> int:
        """Take what is new, wait a moment where nothing is, and return how much it was.

        `timeout`, in seconds, is for a broker that does not answer. Raises a SmartRegionError.
        """

    def waiting_for(self) -> str | None:
        """Return why nothing may be judged yet, or any more; None where all is known."""

    def lag(self) -> int:
        """Return how many records are known to be missing."""

    def overdue(self) -> int:
        """Return how many records of events workers are late with; 0 where nobody tells it."""

    def ages(self) -> Mapping[int, float]:
        """Return by partition the age of what is known, in seconds, where somebody confirms it."""

    def unknown(self) -> Mapping[Term, str]:
        """Return the terms without sums of all partitions, and who does not have them."""
