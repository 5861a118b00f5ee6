"""What the assessor's /metrics shows."""

from __future__ import annotations

from datetime import UTC, date, datetime

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from boundary.web import registry_of
from catalogue import metrics
from catalogue.loader import load_catalogue
from events.fact import Family
from streams.assessor.assessor import Assessment, AssessorSnapshot
from streams.assessor.process import AssessorCollector
from streams.explanations import explanations_of
from streams.histories import histories_of, person_categories_of
from tests.support.histories import pool
from tests.support.past_figures import state_store_of

AS_OF = date(2020, 12, 31)
CATALOGUE = load_catalogue()


def assessment() -> Assessment:
    state_store = state_store_of(CATALOGUE, [one for family in Family for one in pool(family)])
    histories = histories_of(state_store, CATALOGUE)
    return Assessment.of(
        CATALOGUE,
        AS_OF,
        histories,
        person_categories_of(state_store, CATALOGUE),
        explanations_of(state_store),
    )


def scraped(view: AssessorSnapshot) -> dict[str, list[tuple[dict[str, str], float]]]:
    text = generate_latest(registry_of(AssessorCollector(CATALOGUE, lambda: view))).decode()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        found[family.name] = [(sample.labels, sample.value) for sample in family.samples]
    return found


def test_families_are_those_of_the_vocabulary() -> None:
    view = AssessorSnapshot(AS_OF, 0, assessment())
    families = {
        family.name: family.documentation
        for family in AssessorCollector(CATALOGUE, lambda: view).collect()
    }
    assert families == {
        metric.name: metric.meaning for metric in (metrics.AS_OF, *metrics.ASSESSOR_METRICS)
    }


def test_shows_no_judgement_before_everything_is_read() -> None:
    """Half a history would be a lie; what is left to read is shown."""
    found = scraped(AssessorSnapshot(AS_OF, 7, None))
    assert {name for name, samples in found.items() if samples} == {
        metrics.AS_OF.name,
        metrics.ASSESSOR_READY.name,
        metrics.ASSESSOR_LAG.name,
        metrics.ASSESSOR_UNJUDGED.name,
    }
    assert found[metrics.ASSESSOR_READY.name] == [({}, 0)]
    assert found[metrics.ASSESSOR_LAG.name] == [({}, 7)]


def test_its_day_is_that_of_the_judgements() -> None:
    found = scraped(AssessorSnapshot(date(2021, 1, 1), 0, assessment()))
    assert found[metrics.AS_OF.name] == [({}, datetime(2020, 12, 31, tzinfo=UTC).timestamp())]
    assert found[metrics.ASSESSOR_READY.name] == [({}, 1)]
