"""What /metrics shows of producers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from prometheus_client.samples import Sample

from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.metrics import Metric
from events.errors import RefusalReason
from events.frequency import Frequency
from events.producers.model import Producers
from streams.core import Outcome, Result
from streams.producers.exposition import producer_families
from streams.producers.meters import Attribution, ProducerMeters
from tests.support.producers import producer
from tests.support.scorecards import LYCEES, PRODUCERS

NOON = datetime(2018, 3, 1, 12, tzinfo=UTC)
DAY = 86_400


def shown(
    meters: ProducerMeters, metric: Metric, *, name: str | None = None
) -> dict[tuple[str, ...], float]:
    """Return a metric's samples by the values of its labels."""
    samples: list[Sample] = [
        sample
        for family in producer_families(load_catalogue(), meters)
        for sample in family.samples
        if sample.name == (name or metric.name)
    ]
    return {tuple(sample.labels.values()): sample.value for sample in samples}


@pytest.fixture
def meters() -> ProducerMeters:
    """Return meters that have counted one batch, of a declared and of an undeclared producer."""
    meters = ProducerMeters(Attribution(PRODUCERS))
    records = Counter(
        {
            (LYCEES, "type", Outcome.ACCEPTED, 3): 5,
            (LYCEES, "type", Outcome.ACCEPTED, 400): 1,
            ("/undeclared", "type", Outcome.DUPLICATE, 0): 2,
        }
    )
    meters.count(Result(records=records, latest={(LYCEES, "type"): NOON}))
    return meters


def test_the_declaration_is_shown(meters: ProducerMeters) -> None:
    """Who they are, which programmes hang on them, how often they promised to send."""
    assert shown(meters, metrics.PRODUCER_INFO) == {
        ("lycees", "Système lycees"): 1,
        ("sites", "Système sites"): 1,
    }
    assert shown(meters, metrics.PRODUCER_PROGRAMME) == {
        ("lycees", "lycees"): 1,
        ("sites", "tiers_lieux"): 1,
    }
    assert shown(meters, metrics.PRODUCER_INTERVAL) == {("lycees",): 7 * DAY, ("sites",): 7 * DAY}
    assert shown(meters, metrics.PRODUCER_ALLOWED_SILENCE) == {
        ("lycees",): 10 * DAY,
        ("sites",): 10 * DAY,
    }


def test_counts_begin_at_zero(meters: ProducerMeters) -> None:
    """So that an increase sees their first, of who is declared and of the others together."""
    events = shown(meters, metrics.PRODUCER_EVENTS)

    assert events["lycees", "accepted"] == 6
    assert {events["sites", outcome] for outcome in Outcome} == {0}
    assert {one: events["unknown", one] for one in Outcome if events["unknown", one]} == {
        Outcome.DUPLICATE: 2
    }
    assert shown(meters, metrics.PRODUCER_REFUSED) == {
        (name, str(reason)): 0
        for name in ("lycees", "sites", "unknown")
        for reason in RefusalReason
    }


def test_lateness_is_a_histogram(meters: ProducerMeters) -> None:
    """Of those that were news; it has as many series as there are producers."""
    name = metrics.PRODUCER_LATENESS.name
    buckets = shown(meters, metrics.PRODUCER_LATENESS, name=f"{name}_bucket")

    assert (buckets["lycees", "2"], buckets["lycees", "7"], buckets["lycees", "+Inf"]) == (0, 5, 6)
    assert shown(meters, metrics.PRODUCER_LATENESS, name=f"{name}_sum") == {("lycees",): 415}
    assert shown(meters, metrics.PRODUCER_LATENESS, name=f"{name}_count") == {("lycees",): 6}


def test_the_last_event_is_shown(meters: ProducerMeters) -> None:
    """Of producers with events."""
    assert shown(meters, metrics.PRODUCER_LAST_EVENT) == {("lycees",): NOON.timestamp()}


def test_who_promised_nothing_has_no_interval() -> None:
    """There is nothing to compare its silence with."""
    irregular = producer("lycees", LYCEES).model_copy(
        update={"expected_every": Frequency.IRREGULAR}
    )
    meters = ProducerMeters(Attribution(Producers(producers=(irregular,))))

    assert shown(meters, metrics.PRODUCER_INTERVAL) == {}
    assert shown(meters, metrics.PRODUCER_ALLOWED_SILENCE) == {}


def test_families_are_those_of_the_vocabulary(meters: ProducerMeters) -> None:
    """Each is there once, with its labels."""
    families = list(producer_families(load_catalogue(), meters))

    assert sorted(family.name for family in families) == sorted(
        metric.name.removesuffix("_total") for metric in metrics.PRODUCER_METRICS
    )


def test_where_nobody_is_declared_only_counts_are_shown() -> None:
    """Of the unknown."""
    families = producer_families(load_catalogue(), ProducerMeters())

    samples = [sample for family in families for sample in family.samples]
    assert {(sample.labels["producer"], sample.value) for sample in samples} == {("unknown", 0)}
