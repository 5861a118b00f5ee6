"""The translation of a worker's snapshot and meters into metric families, at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from catalogue import metrics
from catalogue.model import Catalogue, Indicator, Programme
from catalogue.territories import territory_key
from events.errors import RefusalReason
from events.fact import Family
from events.frequency import allowed_silence_days
from events.producers.model import UNKNOWN_PRODUCER, Producers
from events.registry import FACTS, FACTS_BY_NAME
from streams.contribution import NO_CATEGORY
from streams.core import UNKNOWN_TYPE, Outcome
from streams.fold import Fold
from streams.meters import Meters
from streams.metric_families import (
    MetricFamily,
    catalogue_families,
    family_of,
    fault_family,
    histogram_of,
    midnight,
    samples,
    single,
)
from streams.producers.meters import ProducerMeters
from streams.snapshot import Figures, Snapshot

_DAY_SECONDS: Final = 86_400


def producer_families(catalogue: Catalogue, meters: ProducerMeters) -> Iterator[Metric]:
    """Yield every metric family of producers.

    Counters start at 0, also for `unknown`: `increase` ignores the first value of a series.
    """
    producers = meters.attribution.producers
    if producers is not None:
        yield from _declaration(catalogue, producers)
    known = (*(() if producers is None else (one.id for one in producers)), UNKNOWN_PRODUCER)
    zeros = {(producer, outcome): 0 for producer in known for outcome in Outcome}
    yield samples(metrics.PRODUCER_EVENTS, {**zeros, **meters.events})
    unrefused = {(producer, str(reason)): 0 for producer in known for reason in RefusalReason}
    yield samples(metrics.PRODUCER_REFUSED, {**unrefused, **meters.refused})
    lateness = histogram_of(metrics.PRODUCER_LATENESS)
    for producer, histogram in sorted(meters.lateness.items()):
        lateness.add_metric([producer], histogram.buckets(), histogram.days)
    yield lateness
    last_event = {producer: moment.timestamp() for producer, moment in meters.last_event.items()}
    yield samples(metrics.PRODUCER_LAST_EVENT, last_event)


def _declaration(catalogue: Catalogue, producers: Producers) -> Iterator[Metric]:
    info = family_of(metrics.PRODUCER_INFO)
    programmes = family_of(metrics.PRODUCER_PROGRAMME)
    interval = family_of(metrics.PRODUCER_INTERVAL)
    allowed = family_of(metrics.PRODUCER_ALLOWED_SILENCE)
    counted = {programme.id: _types(programme) for programme in catalogue.programmes}
    for producer in producers:
        info.add_metric([producer.id, producer.title], 1)
        for programme, types in counted.items():
            if types & producer.event_types:
                programmes.add_metric([producer.id, programme], 1)
        days, silence = producer.expected_every.days, allowed_silence_days(producer.expected_every)
        if days is not None and silence is not None:
            interval.add_metric([producer.id], days * _DAY_SECONDS)
            allowed.add_metric([producer.id], silence * _DAY_SECONDS)
    yield from (info, programmes, interval, allowed)


def _types(programme: Programme) -> frozenset[str]:
    """Return the event types that a programme's figures count."""
    return frozenset(
        FACTS_BY_NAME[fact].TYPE
        for indicator in programme.indicators
        for term in indicator.measure.terms
        for fact in term.facts
    )


#: Refused records count as of an unknown type.
_NOTHING_READ: Final = {
    (UNKNOWN_TYPE if outcome is Outcome.REFUSED else kind, outcome): 0
    for kind in FACTS
    for outcome in Outcome
}


class WorkerCollector(Collector):
    """A collector of the snapshot and the meters of a worker."""

    def __init__(
        self, catalogue: Catalogue, fold: Fold, meters: Meters, snapshot: Callable[[], Snapshot]
    ) -> None:
        self._catalogue = catalogue
        self._meters = meters
        self._snapshot = snapshot
        self._indexes = fold.indexes

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
                    # Counts of persons in one partition are small, so the assessor publishes
                    # their total. For the same reason, only the Région shows its last day.
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
        yield samples(metrics.PARTITION_OWNED, {(number,): 1 for number in snapshot.figures})
        yield samples(metrics.ENTITIES, dict(self._entities(snapshot.entities)))
        yield samples(metrics.LAG, snapshot.lag)
        yield fault_family((*snapshot.faults, *self._meters.topic_warnings))

    def _counts(self) -> Iterator[Metric]:
        meters = self._meters
        rates = meters.dead_letter_rates
        causes = {family: cause for family, rate in rates.items() if (cause := rate.alarm)}
        last_event = {pair: moment.timestamp() for pair, moment in meters.last_event.items()}
        # From the start, since `increase` ignores the first value of a series.
        yield samples(metrics.EVENTS, {**_NOTHING_READ, **meters.events})
        zeros = dict.fromkeys(map(str, RefusalReason), 0)
        yield samples(metrics.DEAD_LETTERS, {**zeros, **meters.dead_letters})
        yield samples(
            metrics.DEAD_LETTER_SHARE, {family: rate.share for family, rate in rates.items()}
        )
        yield samples(
            metrics.DEAD_LETTER_ALARM,
            {(family, cause.reason, cause.field): 1 for family, cause in causes.items()},
        )
        yield samples(metrics.ENDS_AT_RECORD, meters.ends)
        yield samples(metrics.LAST_EVENT, last_event)
        yield samples(metrics.LOG_START, meters.log_starts)
        yield single(metrics.SOURCES_DROPPED, meters.sources_dropped)
        yield single(metrics.REBUILD_MISMATCHES, meters.mismatches)
        yield single(metrics.COORDINATOR_ERRORS, meters.coordinator_errors)
        yield samples(metrics.PARTITION_SNAPSHOTS, meters.partition_snapshots)
        yield single(metrics.RECOVERIES, meters.recoveries)
        if meters.recovery_seconds is not None:
            yield single(metrics.RECOVERY_SECONDS, meters.recovery_seconds)

    def _entities(self, counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        for family, count in counts.items():
            persons = self._catalogue.publications.get(Family(family))
            yield family, count if persons is None else persons.count(count)

    def _indicators(self) -> Iterator[tuple[str, Indicator]]:
        for programme in self._catalogue.programmes:
            for indicator in programme.indicators:
                yield programme.id, indicator


def _by_department(figures: Figures, term: int) -> dict[str, int]:
    """Return a term's amounts by département, summed over all categories."""
    sums: dict[str, int] = {}
    for (index, department, _), total in figures.totals.items():
        if index == term:
            sums[department] = sums.get(department, 0) + total
    return sums


def _by_category(figures: Figures, term: int) -> dict[str, dict[str, int]]:
    """Return a term's amounts by category and département, without amounts of no category."""
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
