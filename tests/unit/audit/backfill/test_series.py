"""The past: on each day what the assessor would have shown, and what the rules record."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.backfill.series import OpenMetricsSpool
from catalogue import metrics
from catalogue.loader import load_catalogue
from catalogue.metrics import Metric
from catalogue.model import Catalogue
from dashboards import conventions
from events.fact import Family
from streams.assessor.assessor import Assessment, AssessorSnapshot
from streams.assessor.process import AssessorCollector
from streams.explanations import explanations_of
from streams.histories import histories_of, person_categories_of
from streams.state_store import StateStore
from tests.support.audits import catalogue_of
from tests.support.histories import enrolled, pool
from tests.support.observations import barometer, observation_events, observed
from tests.support.openmetrics import read_openmetrics
from tests.support.past_figures import state_store_of, written

ROOT = Path(__file__).parents[4]
DAYS = [date(2018, 1, 1) + timedelta(days=5 * number) for number in range(30)]
PERSONS = catalogue_of(
    {"count": "training.enrolled"}, breakdown="audience", min_cell=5, published="monthly"
)
Shown = dict[tuple[str, frozenset[tuple[str, str]]], float]

shipped = cache(load_catalogue)


def by_day(text: str) -> dict[date, Shown]:
    found: dict[date, Shown] = {}
    for family in read_openmetrics(text):
        for sample in family.samples:
            assert sample.timestamp is not None
            moment = datetime.fromtimestamp(float(sample.timestamp), UTC)
            assert moment.time() == time()
            key = (sample.name, frozenset(sample.labels.items()))
            found.setdefault(moment.date(), {})[key] = sample.value
    return found


def scraped(catalogue: Catalogue, state_store: StateStore, day: date) -> Shown:
    histories = histories_of(state_store, catalogue)
    assessment = Assessment.of(
        catalogue,
        day,
        histories,
        person_categories_of(state_store, catalogue),
        explanations_of(state_store),
    )
    families = AssessorCollector(catalogue, lambda: AssessorSnapshot(day, 0, assessment)).collect()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        if family.name
        not in (
            metrics.ASSESSOR_READY.name,
            metrics.ASSESSOR_LAG.name,
            metrics.ASSESSOR_UNJUDGED.name,
        )
        for sample in family.samples
    }


@cache
def everything() -> tuple[StateStore, dict[date, Shown]]:
    events = [one for family in Family for one in pool(family)]
    state_store = state_store_of(shipped(), events)
    return state_store, by_day(written(shipped(), state_store, DAYS))


def value(shown: Shown, name: str, **labels: str) -> float | None:
    return shown.get((name, frozenset(labels.items())))


@pytest.mark.slow
def test_each_day_shows_what_the_assessor_would_have_shown() -> None:
    state_store, past = everything()
    for day in DAYS:
        live = scraped(shipped(), state_store, day)
        assert {key: past[day].get(key) for key in live} == live


@pytest.mark.slow
def test_the_docs_name_each_recorded_series_that_is_not_written() -> None:
    _, past = everything()
    written_names = {name for shown in past.values() for name, _ in shown}
    rules = (ROOT / "deploy/prometheus/rules").glob("*.yaml")
    recorded = {
        name for path in rules for name in re.findall(r"record: (\S+)", path.read_text("utf-8"))
    }
    section = (ROOT / "docs/history.md").read_text("utf-8").split("not written |")[1]
    named = set(re.findall(r"`([a-z_:]+)`", section.split("\n\n")[0])) - {"department:", "region"}

    assert recorded - written_names == named & recorded
    assert named <= recorded | {":current"}


def test_withheld_persons_are_nowhere() -> None:
    """Neither under the assessor's names nor under the recorded ones, on no day."""
    events = enrolled(2, "75", day="2018-02-01") + enrolled(30, "77", day="2018-02-01")
    text = written(PERSONS, state_store_of(PERSONS, events), DAYS)
    of_paris = {line.partition("{")[0] for line in text.splitlines() if 'department="75"' in line}
    assert of_paris <= {metrics.CELL_SUPPRESSED.name, metrics.CELL_VALUE.name}
    assert conventions.DEPARTMENT_CATEGORY.name not in text


def test_an_observed_figure_is_recorded_where_it_was_observed() -> None:
    """From its first day on; the region's is its own, and départements leave it blank."""
    events = [
        observed("IND-042", "D75", "2018-01-06", "90"),
        observed("IND-042", "R11", "2018-01-16", "42.5"),
        observed("IND-042", "FRANCE", "2018-01-10", "61"),
    ]
    past = by_day(
        written(barometer(), state_store_of(barometer(), observation_events(events)), DAYS)
    )
    who = {"programme": "barometre", "indicator": "fibre_ratio"}
    for day, shown in past.items():
        region = value(shown, conventions.REGION_VALUE.name, **who)
        paris = value(shown, conventions.DEPARTMENT_VALUE.name, **who, department="75")
        assert region == (0.425 if day >= date(2018, 1, 16) else None)
        assert paris == (0.9 if day >= date(2018, 1, 6) else None)
        country = value(shown, metrics.INDICATOR_COUNTRY.name, **who)
        assert country == (0.61 if day >= date(2018, 1, 10) else None)
        assert value(shown, metrics.INDICATOR_OWN_BASELINE.name, **who, department="75") == 0.9


HEAT = Metric("room:heat:max", ("room", "floor"))
LIGHT = Metric("light")


@pytest.fixture
def spool() -> Iterator[OpenMetricsSpool]:
    with OpenMetricsSpool() as spool:
        yield spool


def text(spool: OpenMetricsSpool) -> str:
    out = io.BytesIO()
    spool.write(out)
    return out.getvalue().decode()


def test_families_stay_together(spool: OpenMetricsSpool) -> None:
    spool.add(HEAT, ("attic", "3"), [(0, 1.5), (60, 2.0)])
    spool.add(LIGHT, (), [(0, 7)])
    spool.add(HEAT, ("cellar", "0"), [(0, 0.1)])
    assert text(spool) == (
        "# TYPE room:heat:max gauge\n"
        'room:heat:max{room="attic",floor="3"} 1.5 0\n'
        'room:heat:max{room="attic",floor="3"} 2.0 60\n'
        'room:heat:max{room="cellar",floor="0"} 0.1 0\n'
        "# TYPE light gauge\n"
        "light 7 0\n"
        "# EOF\n"
    )
    assert spool.samples == 4


@given(st.text(max_size=20), st.floats(allow_nan=False), st.integers(0, 2**33))
def test_any_label_and_value_come_back(label: str, value: float, moment: int) -> None:
    with OpenMetricsSpool() as spool:
        spool.add(HEAT, (label, ""), [(moment, value)])
        (family,) = read_openmetrics(text(spool))
    (sample,) = family.samples
    assert sample.labels == {"room": label, "floor": ""}
    assert sample.value == value
    assert sample.timestamp is not None
    assert float(sample.timestamp) == moment
