"""Judgements as series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from catalogue import metrics
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from catalogue.metrics import Metric
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from streams.assessor.series import Point, cell_points, judgement_points
from streams.histories import histories_of, person_categories_of
from tests.support.audits import catalogue_of
from tests.support.histories import enrolled, event, pool, uai
from tests.support.past_figures import state_store_of

AS_OF = date(2018, 6, 30)
TEN = {"id": "ten", "target": 10, "day": date(2020, 12, 31), "source": "Essai", "scope": ["region"]}
BASELINE = {"value": 0, "day": date(2016, 1, 1), "source": "Essai"}
ENROLLED = {"count": "training.enrolled"}

shipped = cache(load_catalogue)


def points(
    catalogue: Catalogue, *given_events: CloudEvent, as_of: date = AS_OF
) -> tuple[list[Point], list[Point]]:
    state_store = state_store_of(catalogue, given_events)
    judgements = judge_all(catalogue, histories_of(state_store, catalogue), as_of)
    return (
        list(judgement_points(catalogue, judgements)),
        list(cell_points(catalogue, person_categories_of(state_store, catalogue), as_of)),
    )


def of(found: list[Point], metric: Metric) -> Mapping[tuple[str, ...], float]:
    return {point.labels[2:]: point.value for point in found if point.metric == metric}


def connected(*days: str) -> list[CloudEvent]:
    return [
        event("school.connected", uai(f"0750{number:03}"), day) for number, day in enumerate(days)
    ]


def everything() -> list[Point]:
    given_events = [one for family in Family for one in pool(family)]
    return [point for found in points(shipped(), *given_events) for point in found]


def test_every_series_is_there_once() -> None:
    """Prometheus refuses a scrape with one series twice."""
    series = [(point.metric.name, point.labels) for point in everything()]
    assert len(series) == len(set(series))


def test_a_milestone_has_a_value_a_status_and_its_progress() -> None:
    catalogue = catalogue_of({"count": "school.connected"}, milestones=[TEN], baseline=BASELINE)
    found, _ = points(catalogue, *connected("2018-06-01", "2018-06-02"))
    assert of(found, metrics.INDICATOR_ASSESSED_VALUE) == {("region",): 2, ("75",): 2}
    assert of(found, metrics.MILESTONE_PROGRESS) == {("region", "ten"): 0.2}
    statuses = of(found, metrics.MILESTONE_STATUS)
    assert len(statuses) == 5
    assert {labels for labels, value in statuses.items() if value} == {("region", "ten", "at_risk")}


def test_an_attained_target_has_its_day() -> None:
    target = {**TEN, "target": 2}
    catalogue = catalogue_of({"count": "school.connected"}, milestones=[target], baseline=BASELINE)
    found, _ = points(catalogue, *connected("2018-06-01", "2018-06-02"))
    day = datetime(2018, 6, 2, tzinfo=UTC).timestamp()
    assert of(found, metrics.MILESTONE_ATTAINED) == {("region", "ten"): day}
    assert of(found, metrics.MILESTONE_LOST) == {("region", "ten"): 0}
    assert of(found, metrics.MILESTONE_LOST_ON) == {}


def test_a_lost_target_has_the_day_of_its_loss() -> None:
    measure = {"count": "school.connected", "unless": "school.disconnected"}
    target = {**TEN, "target": 1}
    catalogue = catalogue_of(measure, milestones=[target], baseline=BASELINE)
    gone = event("school.disconnected", uai("0750000"), "2018-06-20")
    found, _ = points(catalogue, *connected("2018-06-01"), gone)
    day = datetime(2018, 6, 20, tzinfo=UTC).timestamp()
    assert of(found, metrics.MILESTONE_LOST) == {("region", "ten"): 1}
    assert of(found, metrics.MILESTONE_LOST_ON) == {("region", "ten"): day}
    assert of(found, metrics.MILESTONE_ATTAINED) == {}


def test_a_promise_without_a_target_is_not_judged() -> None:
    bare = {key: value for key, value in TEN.items() if key != "target"}
    catalogue = catalogue_of({"count": "school.connected"}, milestones=[bare], baseline=BASELINE)
    found, _ = points(catalogue, *connected("2018-06-01"))
    assert {point.metric for point in found if "milestone" in point.metric.labels} == set()


def test_a_change_is_reported_with_what_made_it() -> None:
    measure = {
        "ratio": {"of": {"count": "school.connected"}, "over": {"count": "school.registered"}}
    }
    catalogue = catalogue_of(measure, unit="ratio")
    school = [uai("0750000"), uai("0750001")]
    given_events = [
        event("school.registered", school[0], "2018-01-01"),
        event("school.registered", school[1], "2018-06-20"),
        event("school.connected", school[0], "2018-06-10"),
    ]
    found, _ = points(catalogue, *given_events)
    changes = of(found, metrics.INDICATOR_CHANGE)
    assert {labels[1]: value for labels, value in changes.items() if labels[0] == "region"} == {
        "value": 0.5,
        "numerator": 1,
        "denominator": -0.5,
    }


class TestPersons:
    CATALOGUE = catalogue_of(
        ENROLLED,
        breakdown="audience",
        min_cell=5,
        published="monthly",
        milestones=[{**TEN, "scope": ["region", "departments"]}],
        baseline=BASELINE,
    )

    def test_show_no_number_of_a_withheld_territory(self) -> None:
        """Neither its value, nor what it could be computed from; its status is shown, as of 0."""
        found, cells = points(self.CATALOGUE, *enrolled(2, "75"), *enrolled(30, "77"))
        paris = [point for point in found if point.labels[2:3] == ("75",)]
        assert {point.metric for point in paris} == {
            metrics.CELL_SUPPRESSED,
            metrics.MILESTONE_STATUS,
            metrics.MILESTONE_LOST,
        }
        assert of(paris, metrics.CELL_SUPPRESSED)["75", ""] == 1
        assert ("75", "job_seeker") not in of(cells, metrics.CELL_VALUE)

    @given(st.lists(st.integers(0, 12), min_size=4, max_size=4))
    def test_cells_that_are_published_alike_are_shown_alike(self, counts: list[int]) -> None:
        publication = self.CATALOGUE.indicators[0].publication
        assert publication is not None
        cells = [
            (department, who) for department in ("75", "77") for who in ("job_seeker", "other")
        ]
        # One that counts in any case, so that something is reported.
        reported = enrolled(30, "78")
        shown = [
            points(
                self.CATALOGUE,
                *reported,
                *(
                    one
                    for count, at in zip(persons, cells, strict=True)
                    for one in enrolled(count, *at)
                ),
            )
            for persons in (counts, [publication.count(count) for count in counts])
        ]
        assert shown[0] == shown[1]

    def test_show_what_is_large_enough_in_multiples(self) -> None:
        found, cells = points(self.CATALOGUE, *enrolled(6, "75"), *enrolled(8, "77"))
        values = of(cells, metrics.CELL_VALUE)
        assert values["75", "job_seeker"] == 5
        assert values["77", "job_seeker"] == 10
        assert values["region", "job_seeker"] == 15
        assert of(found, metrics.INDICATOR_ASSESSED_VALUE)["region",] == 15
        assert of(found, metrics.CELL_SUPPRESSED)["75", ""] == 0

    def test_say_which_day_is_shown(self) -> None:
        found, _ = points(self.CATALOGUE, *enrolled(6, "75"), as_of=date(2018, 6, 29))
        day = datetime(2018, 5, 31, tzinfo=UTC).timestamp()
        assert of(found, metrics.INDICATOR_PUBLISHED) == {(): day}
