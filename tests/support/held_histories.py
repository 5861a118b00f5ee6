"""A collector with histories set by the test, which queries no worker."""

from __future__ import annotations

from collections.abc import Mapping

from catalogue.loader import load_catalogue
from catalogue.terms import Term
from streams.queries.addresses import WorkerAddresses
from streams.queries.collector import CollectorPlan, HistoriesCollector
from streams.state_store import StateStore


class HeldHistories(HistoriesCollector):
    """All histories of a state store; nothing is missing, late or new."""

    def __init__(self, state_store: StateStore) -> None:
        super().__init__(load_catalogue(), CollectorPlan(WorkerAddresses(), 1))
        self.state_store = state_store

    @property
    def sums(self) -> StateStore:
        return self.state_store

    def poll(self) -> int:
        return 0

    def waiting_for(self) -> str | None:
        return None

    def lag(self) -> int:
        return 0

    def overdue(self) -> int:
        return 0

    def ages(self) -> Mapping[int, float]:
        return {0: 0.0}

    def unknown(self) -> Mapping[Term, str]:
        return {}
