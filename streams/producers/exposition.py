"""Metric families of producers: their declarations and the worker's counters of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from catalogue import metrics
from catalogue.model import Catalogue, Programme
from events.errors import RefusalReason
from events.producers.model import UNKNOWN_PRODUCER, Producers
from events.registry import FACTS_BY_NAME
from streams.core import Outcome
from streams.metric_families import family_of, histogram_of, samples
from streams.producers.meters import ProducerMeters
from streams.producers.silence import allowed_silence_days

_DAY_SECONDS: Final = 86_400


def producer_families(catalogue: Catalogue, meters: ProducerMeters) -> Iterator[Metric]:
    """Yield every metric family of producers.

    Counters start at 0, those of `unknown` too: an increase does not see a series' first value.
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
