"""What /metrics shows: an immutable snapshot, and its translation into metric families."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from catalogue import metric_names as names
from streams.contribution import NO_CATEGORY
from streams.fold import Fold
from streams.metric_families import MetricFamily, family_of, fault_family, midnight, single
from streams.producers.exposition import producer_families
from streams.promises import promises

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalogue.model import Catalogue, Indicator
    from catalogue.publication import Publication
    from streams.meters import Meters
    from streams.topic_faults import TopicFault

__all__ = ["Figures", "Snapshot", "WorkerCollector", "figures_of"]


@dataclass(frozen=True, slots=True)
class Figures:
    """One partition's figures on a day; keys are (term, département or "", category or "")."""

    totals: Mapping[tuple[int, str, str], int]
    last_reported: Mapping[tuple[int, str], date]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a scrape shows, taken at one moment.

    `figures` is empty until the state is rebuilt: an absent figure is stale, a zero would be a
    lie.
    """

    as_of: date
    ready: bool
    partitions_expected: int
    figures: Mapping[int, Figures]
    entities: Mapping[str, int]
    lag: Mapping[tuple[str, int], int]
    half_full: Mapping[str, int] = field(default_factory=dict)
    """Entities of which more than half of what is kept is held, by family."""
    unreadable: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Entities whose state cannot be read, by family and partition."""
    faults: Sequence[TopicFault] = ()
    cells_ahead: int = 0
    cells_not_owned: int = 0


def figures_of(fold: Fold, partitions: Collection[int], as_of: date) -> dict[int, Figures]:
    """Return the figures of the given partitions on a day.

    The cost is that of the series, whatever the number of entities behind them.
    """
    day = as_of.toordinal()
    taken: dict[int, Figures] = {}
    for partition in sorted(partitions):
        totals: dict[tuple[int, str, str], int] = {}
        reported: dict[tuple[int, str], date] = {}
        for key, series in fold.series(partition).items():
            totals[key] = series.total(day)
            last = series.last_reported(day)
            if last is not None:
                reported[key.term, key.department] = date.fromordinal(last)
        taken[partition] = Figures(totals, reported)
    return taken


class WorkerCollector(Collector):
    """Makes metric families of the snapshot and the meters, at scrape time."""

    def __init__(
        self,
        catalogue: Catalogue,
        fold: Fold,
        meters: Meters,
        snapshot: Callable[[], Snapshot],
    ) -> None:
        self._catalogue = catalogue
        self._meters = meters
        self._snapshot = snapshot
        self._place = {term: place for place, term in enumerate(fold.terms)}
        #: Families whose entities are persons: how many of them there are is rounded as well.
        self._persons: dict[str, Publication] = {
            term.family: one.publication
            for one in catalogue.indicators
            if one.publication is not None
            for term in one.measure.terms
        }

    def describe(self) -> list[Metric]:
        """Promise nothing beforehand: the registry would otherwise take a snapshot to find out."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the vocabulary."""
        snapshot = self._snapshot()
        yield from promises(self._catalogue)
        yield from self._figures(snapshot)
        yield from self._state(snapshot)
        yield from self._counts()
        yield from producer_families(self._catalogue, self._meters.producers)

    def _figures(self, snapshot: Snapshot) -> Iterator[Metric]:
        value = family_of(names.INDICATOR_VALUE)
        numerator = family_of(names.INDICATOR_NUMERATOR)
        denominator = family_of(names.INDICATOR_DENOMINATOR)
        category = family_of(names.INDICATOR_CATEGORY)
        reported = family_of(names.INDICATOR_LAST_REPORTED)
        for programme, indicator in self._indicators():
            measure = indicator.measure
            places = [self._place[term] for term in measure.terms]
            for partition, figures in snapshot.figures.items():
                who = [programme, indicator.id]
                where = str(partition)
                latest = _latest_reports(figures, places)
                if indicator.publication is not None:
                    # Persons in one partition are few; the assessor tells of all together. So is
                    # a day on which some of one département did something.
                    if latest:
                        last = midnight(max(latest.values()))
                        reported.add_metric([*who, names.REGION, where], last)
                    continue
                for department, day in latest.items():
                    reported.add_metric([*who, department or names.REGION, where], midnight(day))
                amounts = _by_department(figures, places[0])
                if not measure.additive:
                    amounts = {
                        department: amount
                        for department, amount in amounts.items()
                        if (places[0], department) in figures.last_reported
                    }
                if measure.denominator is None:
                    _expose(value, who, where, amounts, measure.divisor)
                else:
                    over = _by_department(figures, places[1])
                    # None of something is 0: left out, it would drop out of Prometheus' division.
                    _expose(numerator, who, where, {**dict.fromkeys(over, 0), **amounts})
                    _expose(denominator, who, where, over)
                if indicator.breakdown is not None:
                    for label, parts in _by_category(figures, places[0]).items():
                        labels = [*who, indicator.breakdown, label]
                        _expose(category, labels, where, parts, measure.divisor)
        yield from (value, numerator, denominator, category, reported)

    def _state(self, snapshot: Snapshot) -> Iterator[Metric]:
        yield single(names.AS_OF, midnight(snapshot.as_of))
        yield single(names.PARTITIONS_EXPECTED, snapshot.partitions_expected)
        yield single(names.WORKER_READY, int(snapshot.ready))
        owned = family_of(names.PARTITION_OWNED)
        for partition in snapshot.figures:
            owned.add_metric([str(partition)], 1)
        entities = family_of(names.ENTITIES)
        for family, count in sorted(snapshot.entities.items()):
            persons = self._persons.get(family)
            entities.add_metric([family], count if persons is None else persons.count(count))
        lag = family_of(names.LAG)
        for (topic, partition), behind in sorted(snapshot.lag.items()):
            lag.add_metric([topic, str(partition)], behind)
        half_full = family_of(names.ENTITIES_HALF_FULL)
        for family, count in sorted(snapshot.half_full.items()):
            half_full.add_metric([family], count)
        unreadable = family_of(names.STATES_UNREADABLE)
        for (family, partition), count in sorted(snapshot.unreadable.items()):
            unreadable.add_metric([family, str(partition)], count)
        yield from (owned, entities, lag, half_full, unreadable, fault_family(snapshot.faults))
        yield single(names.CELLS_AHEAD, snapshot.cells_ahead)
        yield single(names.CELLS_NOT_OWNED, snapshot.cells_not_owned)

    def _counts(self) -> Iterator[Metric]:
        meters = self._meters
        events = family_of(names.EVENTS)
        for (kind, outcome), count in sorted(meters.events.items()):
            events.add_metric([kind, outcome], count)
        dead = family_of(names.DEAD_LETTERS)
        for reason, count in sorted(meters.dead_letters.items()):
            dead.add_metric([reason], count)
        ends = family_of(names.ENDS_AT_RECORD)
        for (topic, partition), count in sorted(meters.ends.items()):
            ends.add_metric([topic, str(partition)], count)
        last = family_of(names.LAST_EVENT)
        for (source, kind), moment in sorted(meters.last_event.items()):
            last.add_metric([source, kind], moment.timestamp())
        starts = family_of(names.LOG_START)
        for (topic, partition), offset in sorted(meters.log_starts.items()):
            starts.add_metric([topic, str(partition)], offset)
        yield from (events, dead, ends, last, starts)
        yield single(names.SOURCES_DROPPED, meters.sources_dropped)
        yield single(names.REBUILD_MISMATCHES, meters.mismatches)
        yield single(names.COORDINATOR_ERRORS, meters.coordinator_errors)
        yield single(names.RECOVERIES, meters.recoveries)
        if meters.recovery_seconds is not None:
            yield single(names.RECOVERY_SECONDS, meters.recovery_seconds)

    def _indicators(self) -> Iterator[tuple[str, Indicator]]:
        for programme in self._catalogue.programmes:
            for indicator in programme.indicators:
                yield programme.id, indicator


def _by_department(figures: Figures, term: int) -> dict[str, int]:
    """Return a term's amounts by département, all categories together."""
    sums: dict[str, int] = {}
    for (place, department, _), total in figures.totals.items():
        if place == term:
            sums[department] = sums.get(department, 0) + total
    return sums


def _by_category(figures: Figures, term: int) -> dict[str, dict[str, int]]:
    """Return a term's amounts by category and département; what has no category is left out."""
    parts: dict[str, dict[str, int]] = {}
    for (place, department, category), total in figures.totals.items():
        if place == term and category != NO_CATEGORY:
            parts.setdefault(category, {})[department] = total
    return parts


def _expose(
    family: MetricFamily,
    labels: list[str],
    partition: str,
    amounts: Mapping[str, int],
    divisor: int = 1,
) -> None:
    for department, amount in amounts.items():
        family.add_metric([*labels, department or names.REGION, partition], amount / divisor)


def _latest_reports(figures: Figures, places: list[int]) -> dict[str, date]:
    latest: dict[str, date] = {}
    for (place, department), day in figures.last_reported.items():
        if place in places:
            latest[department] = max(day, latest.get(department, day))
    return latest
