"""The translation of a worker's states and meters into metric families, at each scrape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Final, NamedTuple

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from catalogue import metrics
from catalogue.model import Catalogue, Indicator
from catalogue.reporting import producers_of
from catalogue.territories import territory_key
from events.errors import RefusalReason
from events.frequency import allowed_silence_days
from events.producers.model import UNKNOWN_PRODUCER, Producers
from events.registry import FACTS
from streams.contribution import NO_CATEGORY
from streams.fold import Fold, Series, SeriesKey
from streams.merging import UNKNOWN_TYPE, Outcome
from streams.meters import Meters, ProducerMeters
from streams.metric_families import (
    MetricFamily,
    catalogue_families,
    family_of,
    histogram_of,
    midnight,
    samples,
    single,
)
from streams.state_store import StateStore
from streams.topic_faults import TopicFault

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
    for programme in catalogue.programmes:
        for indicator in programme.indicators:
            for producer in producers_of(indicator, producers):
                programmes.add_metric([producer.id, programme.id, indicator.id], 1)
    for producer in producers:
        info.add_metric([producer.id, producer.title], 1)
        days, silence = producer.expected_every.days, allowed_silence_days(producer.expected_every)
        if days is not None and silence is not None:
            interval.add_metric([producer.id], days * _DAY_SECONDS)
            allowed.add_metric([producer.id], silence * _DAY_SECONDS)
    yield from (info, programmes, interval, allowed)


#: Refused records are counted under an unknown type.
_NOTHING_READ: Final = {
    (UNKNOWN_TYPE if outcome is Outcome.REFUSED else kind, outcome): 0
    for kind in FACTS
    for outcome in Outcome
}


class WorkerStatus(NamedTuple):
    """What /metrics shows of a worker at one moment, apart from its states and counters."""

    as_of: date
    ready: bool
    partitions_expected: int
    shown: Collection[int]
    """The partitions whose figures are shown: a missing figure is visibly stale, a zero is not."""
    lag: Mapping[tuple[str, int], int]
    """Records not yet processed, by topic and partition."""
    faults: Sequence[TopicFault] = ()


class WorkerCollector(Collector):
    """A collector of the states and the meters of a worker.

    It runs in the event loop, as does everything that changes them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        state_store: StateStore,
        meters: Meters,
        status: Callable[[], WorkerStatus],
    ) -> None:
        self._catalogue = catalogue
        self._state_store = state_store
        self._meters = meters
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family of the vocabulary."""
        status = self._status()
        yield from catalogue_families(self._catalogue)
        yield from self._figures(status)
        yield from self._state(status)
        yield from self._counts()
        yield from producer_families(self._catalogue, self._meters.producers)

    def _figures(self, status: WorkerStatus) -> Iterator[Metric]:
        value = family_of(metrics.INDICATOR_VALUE)
        numerator = family_of(metrics.INDICATOR_NUMERATOR)
        denominator = family_of(metrics.INDICATOR_DENOMINATOR)
        category = family_of(metrics.INDICATOR_CATEGORY)
        reported = family_of(metrics.INDICATOR_LAST_REPORTED)
        fold = self._state_store.fold
        partitions = [_Figures(fold, number, status.as_of) for number in sorted(status.shown)]
        for programme, indicator in self._indicators():
            measure = indicator.measure
            terms = [fold.indexes[term] for term in measure.terms]
            for figures in partitions:
                who, where = [programme, indicator.id], figures.partition
                latest = figures.last_reports(terms)
                if indicator.publication is not None:
                    # Counts of persons in one partition are small, so the assessor publishes
                    # their total. For the same reason, only the Région shows its last day.
                    if latest:
                        last = midnight(max(latest.values()))
                        reported.add_metric([*who, metrics.REGION, where], last)
                    continue
                for department, day in latest.items():
                    reported.add_metric([*who, territory_key(department), where], midnight(day))
                amounts = figures.by_department(terms[0])
                if not measure.additive:
                    known = figures.last_reports(terms[:1])
                    amounts = {code: amount for code, amount in amounts.items() if code in known}
                if measure.denominator is None:
                    _expose(value, who, where, amounts, measure.divisor)
                else:
                    over = figures.by_department(terms[1])
                    # A missing numerator is 0: without a sample, Prometheus would drop the ratio.
                    _expose(numerator, who, where, {**dict.fromkeys(over, 0), **amounts})
                    _expose(denominator, who, where, over)
                if indicator.breakdown is not None:
                    for label, parts in figures.by_category(terms[0]).items():
                        labels = [*who, indicator.breakdown, label]
                        _expose(category, labels, where, parts, measure.divisor)
        yield from (value, numerator, denominator, category, reported)

    def _state(self, status: WorkerStatus) -> Iterator[Metric]:
        yield single(metrics.AS_OF, midnight(status.as_of))
        yield single(metrics.PARTITIONS_EXPECTED, status.partitions_expected)
        yield single(metrics.WORKER_READY, int(status.ready))
        yield samples(metrics.PARTITION_SHOWN, {(number,): 1 for number in status.shown})
        yield samples(metrics.ENTITIES, dict(self._entities()))
        yield samples(metrics.LAG, status.lag)
        faults = family_of(metrics.TOPIC_FAULT)
        for fault in (*status.faults, *self._meters.topic_warnings):
            partition = "" if fault.partition is None else str(fault.partition)
            faults.add_metric([fault.topic, partition, fault.fault], 1)
        yield faults

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
        yield single(metrics.FOLD_MISMATCHES, meters.mismatches)
        yield single(metrics.COORDINATOR_ERRORS, meters.coordinator_errors)
        yield samples(metrics.PARTITION_SNAPSHOTS, meters.partition_snapshots)
        yield single(metrics.RECOVERIES, meters.recoveries)
        if meters.recovery_seconds is not None:
            yield single(metrics.RECOVERY_SECONDS, meters.recovery_seconds)

    def _entities(self) -> Iterator[tuple[str, int]]:
        for family, count in self._state_store.entities().items():
            persons = self._catalogue.publications.get(family)
            yield str(family), count if persons is None else persons.count(count)

    def _indicators(self) -> Iterator[tuple[str, Indicator]]:
        for programme in self._catalogue.programmes:
            for indicator in programme.indicators:
                yield programme.id, indicator


class _Figures:
    """One partition's figures on a day."""

    def __init__(self, fold: Fold, partition: int, as_of: date) -> None:
        self.partition = str(partition)
        self._day = as_of.toordinal()
        self._series: dict[int, list[tuple[SeriesKey, Series]]] = defaultdict(list)
        for key, series in fold.series(partition).items():
            self._series[key.term].append((key, series))

    def by_department(self, term: int) -> dict[str, int]:
        """Return a term's amounts by département, summed over all categories."""
        sums: dict[str, int] = {}
        for key, series in self._series[term]:
            sums[key.department] = sums.get(key.department, 0) + series.total(self._day)
        return sums

    def by_category(self, term: int) -> dict[str, dict[str, int]]:
        """Return a term's amounts by category and département, without amounts of no category."""
        parts: dict[str, dict[str, int]] = {}
        for key, series in self._series[term]:
            if key.category != NO_CATEGORY:
                parts.setdefault(key.category, {})[key.department] = series.total(self._day)
        return parts

    def last_reports(self, terms: Iterable[int]) -> dict[str, date]:
        """Return the last day on which a fact of some terms took effect, by département."""
        latest: dict[str, int] = {}
        for key, series in chain.from_iterable(self._series[term] for term in terms):
            day = series.last_reported(self._day)
            if day is not None:
                latest[key.department] = max(day, latest.get(key.department, day))
        return {department: date.fromordinal(day) for department, day in latest.items()}


def _expose(
    family: MetricFamily,
    labels: list[str],
    partition: str,
    amounts: Mapping[str, int],
    divisor: int = 1,
) -> None:
    for department, amount in amounts.items():
        family.add_metric([*labels, territory_key(department), partition], amount / divisor)
