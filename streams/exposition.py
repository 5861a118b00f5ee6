"""The translation of a worker's snapshot and meters into metric families, at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from catalogue import metrics
from catalogue.model import Catalogue, Indicator
from catalogue.publication import Publication
from catalogue.territories import territory_key
from streams.catalogue_families import catalogue_families
from streams.contribution import NO_CATEGORY
from streams.fold import Fold
from streams.meters import Meters
from streams.metric_families import MetricFamily, family_of, fault_family, midnight, single
from streams.producers.exposition import producer_families
from streams.snapshot import Figures, Snapshot

__all__ = ["WorkerCollector"]


class WorkerCollector(Collector):
    """A collector of the snapshot and the meters of a worker."""

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
        self._indexes = fold.indexes
        #: Families whose entities are persons: their number is rounded as well.
        self._persons: dict[str, Publication] = {
            term.family: one.publication
            for one in catalogue.indicators
            if one.publication is not None
            for term in one.measure.terms
        }

    def describe(self) -> list[Metric]:
        """Return nothing, so that registration takes no snapshot."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the vocabulary."""
        snapshot = self._snapshot()
        yield from catalogue_families(self._catalogue)
        yield from self._figures(snapshot)
        yield from self._state(snapshot)
        yield from self._counts()
        yield from producer_families(self._catalogue, self._meters.producers)

    def _figures(self, snapshot: Snapshot) -> Iterator[Metric]:
        value = family_of(metrics.INDICATOR_VALUE)
        numerator = family_of(metrics.INDICATOR_NUMERATOR)
        denominator = family_of(metrics.INDICATOR_DENOMINATOR)
        category = family_of(metrics.INDICATOR_CATEGORY)
        reported = family_of(metrics.INDICATOR_LAST_REPORTED)
        for programme, indicator in self._indicators():
            measure = indicator.measure
            terms = [self._indexes[term] for term in measure.terms]
            for partition, figures in snapshot.figures.items():
                who = [programme, indicator.id]
                where = str(partition)
                latest = _latest_reports(figures, terms)
                if indicator.publication is not None:
                    # Counts of persons in one partition are small: the assessor publishes their
                    # total. The last day is shown for the Région only, for the same reason.
                    if latest:
                        last = midnight(max(latest.values()))
                        reported.add_metric([*who, metrics.REGION, where], last)
                    continue
                for department, day in latest.items():
                    reported.add_metric([*who, territory_key(department), where], midnight(day))
                amounts = _by_department(figures, terms[0])
                if not measure.additive:
                    amounts = {
                        department: amount
                        for department, amount in amounts.items()
                        if (terms[0], department) in figures.last_reported
                    }
                if measure.denominator is None:
                    _expose(value, who, where, amounts, measure.divisor)
                else:
                    over = _by_department(figures, terms[1])
                    # A missing numerator is 0: without a sample, Prometheus would drop the ratio.
                    _expose(numerator, who, where, {**dict.fromkeys(over, 0), **amounts})
                    _expose(denominator, who, where, over)
                if indicator.breakdown is not None:
                    for label, parts in _by_category(figures, terms[0]).items():
                        labels = [*who, indicator.breakdown, label]
                        _expose(category, labels, where, parts, measure.divisor)
        yield from (value, numerator, denominator, category, reported)

    def _state(self, snapshot: Snapshot) -> Iterator[Metric]:
        yield single(metrics.AS_OF, midnight(snapshot.as_of))
        yield single(metrics.PARTITIONS_EXPECTED, snapshot.partitions_expected)
        yield single(metrics.WORKER_READY, int(snapshot.ready))
        owned = family_of(metrics.PARTITION_OWNED)
        for partition in snapshot.figures:
            owned.add_metric([str(partition)], 1)
        entities = family_of(metrics.ENTITIES)
        for family, count in sorted(snapshot.entities.items()):
            persons = self._persons.get(family)
            entities.add_metric([family], count if persons is None else persons.count(count))
        lag = family_of(metrics.LAG)
        for (topic, partition), behind in sorted(snapshot.lag.items()):
            lag.add_metric([topic, str(partition)], behind)
        large = family_of(metrics.ENTITIES_HALF_FULL)
        for family, count in sorted(snapshot.large.items()):
            large.add_metric([family], count)
        unreadable = family_of(metrics.STATES_UNREADABLE)
        for (family, partition), count in sorted(snapshot.unreadable.items()):
            unreadable.add_metric([family, str(partition)], count)
        yield from (owned, entities, lag, large, unreadable, fault_family(snapshot.faults))
        yield single(metrics.CELLS_AHEAD, snapshot.cells_ahead)
        yield single(metrics.CELLS_NOT_OWNED, snapshot.cells_not_owned)

    def _counts(self) -> Iterator[Metric]:
        meters = self._meters
        events = family_of(metrics.EVENTS)
        for (kind, outcome), count in sorted(meters.events.items()):
            events.add_metric([kind, outcome], count)
        dead = family_of(metrics.DEAD_LETTERS)
        for reason, count in sorted(meters.dead_letters.items()):
            dead.add_metric([reason], count)
        share = family_of(metrics.DEAD_LETTER_SHARE)
        alarm = family_of(metrics.DEAD_LETTER_ALARM)
        for family, rate in sorted(meters.dead_letter_rates.items()):
            share.add_metric([family], rate.share)
            if (cause := rate.alarm) is not None:
                alarm.add_metric([family, cause.reason, cause.field], 1)
        ends = family_of(metrics.ENDS_AT_RECORD)
        for (topic, partition), count in sorted(meters.ends.items()):
            ends.add_metric([topic, str(partition)], count)
        last = family_of(metrics.LAST_EVENT)
        for (source, kind), moment in sorted(meters.last_event.items()):
            last.add_metric([source, kind], moment.timestamp())
        starts = family_of(metrics.LOG_START)
        for (topic, partition), offset in sorted(meters.log_starts.items()):
            starts.add_metric([topic, str(partition)], offset)
        yield from (events, dead, share, alarm, ends, last, starts)
        yield single(metrics.SOURCES_DROPPED, meters.sources_dropped)
        yield single(metrics.REBUILD_MISMATCHES, meters.mismatches)
        yield single(metrics.COORDINATOR_ERRORS, meters.coordinator_errors)
        yield single(metrics.RECOVERIES, meters.recoveries)
        if meters.recovery_seconds is not None:
            yield single(metrics.RECOVERY_SECONDS, meters.recovery_seconds)

    def _indicators(self) -> Iterator[tuple[str, Indicator]]:
        for programme in self._catalogue.programmes:
            for indicator in programme.indicators:
                yield programme.id, indicator


def _by_department(figures: Figures, term: int) -> dict[str, int]:
    """Return a term's amounts by département, all categories together."""
    sums: dict[str, int] = {}
    for (index, department, _), total in figures.totals.items():
        if index == term:
            sums[department] = sums.get(department, 0) + total
    return sums


def _by_category(figures: Figures, term: int) -> dict[str, dict[str, int]]:
    """Return a term's amounts by category and département, without those of no category."""
    parts: dict[str, dict[str, int]] = {}
    for (index, department, category), total in figures.totals.items():
        if index == term and category != NO_CATEGORY:
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
        family.add_metric([*labels, territory_key(department), partition], amount / divisor)


def _latest_reports(figures: Figures, terms: list[int]) -> dict[str, date]:
    latest: dict[str, date] = {}
    for (index, department), day in figures.last_reported.items():
        if index in terms:
            latest[department] = max(day, latest.get(department, day))
    return latest
