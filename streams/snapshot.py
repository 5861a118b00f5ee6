"""The state shown by a scrape of a worker, copied at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from streams.fold import Fold
from streams.state_store import StateStore
from streams.topic_faults import TopicFault


@dataclass(frozen=True, slots=True)
class Figures:
    """One partition's figures on a day, by term index, département and category ("" for none)."""

    totals: Mapping[tuple[int, str, str], int]
    last_reported: Mapping[tuple[int, str], date]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable copy of what /metrics shows, except the counters of `Meters`.

    `figures` is empty until the state is restored: a missing figure is visibly stale, a zero would
    be wrong.
    """

    as_of: date
    ready: bool
    partitions_expected: int
    figures: Mapping[int, Figures]
    entities: Mapping[str, int]
    """Entities by family."""
    lag: Mapping[tuple[str, int], int]
    """Records not yet processed, by topic and partition."""
    faults: Sequence[TopicFault]


def take_snapshot(
    state_store: StateStore,
    *,
    as_of: date,
    ready: bool,
    partitions: int,
    shown: Collection[int],
    lag: Mapping[tuple[str, int], int],
    faults: Sequence[TopicFault] = (),
) -> Snapshot:
    """Return the snapshot of a state store on a day.

    Figures are those of the `shown` partitions.
    """
    return Snapshot(
        as_of=as_of,
        ready=ready,
        partitions_expected=partitions,
        figures=figures_of(state_store.fold, shown, as_of),
        entities={str(family): count for family, count in state_store.entities().items()},
        lag=lag,
        faults=faults,
    )


def figures_of(fold: Fold, partitions: Collection[int], as_of: date) -> dict[int, Figures]:
    """Return the figures of the given partitions on a day.

    The cost is proportional to the number of series, not of entities.
    """
    day = as_of.toordinal()
    found: dict[int, Figures] = {}
    for partition in sorted(partitions):
        totals: dict[tuple[int, str, str], int] = {}
        reported: dict[tuple[int, str], date] = {}
        for key, series in fold.series(partition).items():
            totals[key] = series.total(day)
            last = series.last_reported(day)
            if last is not None:
                reported[key.term, key.department] = date.fromordinal(last)
        found[partition] = Figures(totals, reported)
    return found
