"""The snapshot of a worker that a scrape shows."""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.loader import load_catalogue
from events.fact import Family
from events.partitioning import partition_for
from streams.snapshot import Snapshot, take_snapshot
from streams.state_store import StateStore
from tests.support.histories import event, state_of, uai
from tests.support.records import PARTITIONS

PARIS = uai("0750001")
HOME = partition_for(PARIS.encode(), PARTITIONS)
AWAY = (HOME + 1) % PARTITIONS
TODAY = date(2020, 12, 31)


@pytest.fixture
def state_store() -> StateStore:
    """Return the state of one lycée, on its partition."""
    found = StateStore(load_catalogue().terms)
    connected = state_of(event("school.connected", PARIS, "2018-03-01"))
    found.put(Family.SCHOOLS, HOME, {PARIS: connected})
    return found


def snapshot_of(state_store: StateStore, *shown: int) -> Snapshot:
    """Return the snapshot of a worker that shows some partitions."""
    return take_snapshot(
        state_store,
        as_of=TODAY,
        ready=True,
        partitions=PARTITIONS,
        shown=shown,
        lag={("t", 0): 3},
    )


def test_has_figures_of_the_shown_partitions(state_store: StateStore) -> None:
    """Of those alone, on the given day."""
    snapshot = snapshot_of(state_store, HOME)

    assert list(snapshot.figures) == [HOME]
    assert snapshot.as_of == TODAY
    assert snapshot_of(state_store, AWAY).figures[AWAY].totals == {}


def test_has_no_other_figures(state_store: StateStore) -> None:
    """Figures of a state that is half restored would be too small."""
    assert snapshot_of(state_store).figures == {}


def test_has_entities_partitions_and_lag(state_store: StateStore) -> None:
    """Entities by family, the number of partitions, lag by topic and partition."""
    snapshot = snapshot_of(state_store, HOME)

    assert snapshot.entities == {"schools": 1}
    assert snapshot.partitions_expected == PARTITIONS
    assert snapshot.lag == {("t", 0): 3}
