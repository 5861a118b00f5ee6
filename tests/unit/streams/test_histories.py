"""Histories of a state store: the same figures as an audit's, on every day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.ledger import Ledger
from audit.recount import audit_ledger
from catalogue.history import COUNTRY, History
from catalogue.judgement import judge_all, judge_figure
from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from events.observation import Territory
from events.training import TrainingAudience
from streams.histories import categories_of, exact_persons, histories_of
from streams.state_store import StateStore
from tests.support.audits import INDICATOR, catalogue_of, raw_record
from tests.support.histories import DAYS, enrolled, histories
from tests.support.observations import (
    Observation,
    barometer,
    observation_events,
    observations,
)
from tests.support.past_figures import state_store_of

AS_OF = date(2020, 12, 31)
ENROLLED = catalogue_of(
    {"count": "training.enrolled"}, breakdown="audience", min_cell=5, published="monthly"
)
#: Every audience, in Paris.
AUDIENCES = [f"paris_{audience.value}" for audience in TrainingAudience]

shipped = cache(load_catalogue)


def enrolments(**audiences: int) -> list[CloudEvent]:
    """Return so many enrolments of each audience: `paris_job_seeker=3` is in Paris."""
    departments = {"paris": "75", "meaux": "77"}
    found = []
    for name, count in audiences.items():
        place, _, audience = name.partition("_")
        found += enrolled(count, departments[place], audience)
    return found


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(st.sampled_from(Family).flatmap(histories), max_size=3))
def test_readings_are_the_audit_s_on_every_day(reported: list[list[CloudEvent]]) -> None:
    events = [one for history in reported for one in history]
    state_store = state_store_of(shipped(), events)
    found, parts = histories_of(state_store, shipped()), categories_of(state_store, shipped())

    def is_exact(indicator: str) -> bool:
        return shipped().indicator(indicator).publication is None

    with Ledger(map(raw_record, events), partitions=8) as ledger:
        for day in (*map(date.fromisoformat, DAYS), AS_OF):
            audit = audit_ledger(ledger, shipped(), day)
            assert {
                key: history.reading(day) for key, history in found.items() if is_exact(key[0])
            } == {key: reading for key, reading in audit.readings.items() if is_exact(key[0])}
            assert {
                (one, category, where): total.at(day)
                for (one, where, category), total in parts.items()
                if is_exact(one)
            } == {key: amount for key, amount in audit.categories.items() if is_exact(key[0])}
            persons = exact_persons(state_store, shipped(), day)
            assert {one: sum(cells.values()) for one, cells in persons.items()} == {
                one: audit.readings[one, None].numerator for one in persons
            }


def test_there_is_a_history_of_what_was_never_reported() -> None:
    found = histories_of(StateStore(shipped().terms), shipped())
    history = found["schools_connected_ratio", "75"]
    assert history == History(denominator=history.denominator)
    assert history.value(AS_OF) is None


def last_value(
    reported: Sequence[Observation], indicator: str, territory: Territory, as_of: date
) -> Decimal | None:
    by_day = {
        one.day: one.value
        for one in reported
        if (one.indicator, one.territory) == (indicator, territory)
    }
    days = [day for day, value in by_day.items() if day <= as_of and value is not None]
    return by_day[max(days)] if days else None


#: As the catalogue names them, and as they are observed.
NAMES = {"fibre_ratio": "IND-042", "waiting_days": "IND-101", "balance_euros": "solde.2017"}
OBSERVED_ON = tuple(date(2017, 12, 31) + timedelta(days) for days in range(14))


class TestObserved:
    def territory(self, department: str | None) -> Territory:
        if department == COUNTRY:
            return Territory.COUNTRY
        return Territory.REGION if department is None else Territory(f"D{department}")

    @given(observations())
    def test_a_figure_is_the_last_value_of_its_own_territory(
        self, reported: list[Observation]
    ) -> None:
        found = histories_of(state_store_of(barometer(), observation_events(reported)), barometer())
        for (name, department), history in found.items():
            hundredth = 100 if name == "fibre_ratio" else 1
            for day in OBSERVED_ON:
                value = last_value(reported, NAMES[name], self.territory(department), day)
                expected = None if value is None else Fraction(value) / hundredth
                assert history.value(day) == expected

    @given(observations(), st.sampled_from(OBSERVED_ON))
    def test_the_country_is_for_comparison_alone(
        self, reported: list[Observation], day: date
    ) -> None:
        found = histories_of(state_store_of(barometer(), observation_events(reported)), barometer())
        others = [one for one in reported if one.territory is not Territory.COUNTRY]
        without = histories_of(state_store_of(barometer(), observation_events(others)), barometer())
        countries = {key for key in found if key[1] == COUNTRY}
        assert countries == {("fibre_ratio", COUNTRY)}
        assert all(found[key] == without[key] for key in found.keys() - countries)
        value = last_value(reported, "IND-042", Territory.COUNTRY, day)
        fraction = None if value is None else Fraction(value) / 100
        assert found["fibre_ratio", COUNTRY].value(day) == fraction
        judged = judge_all(barometer(), found, day)
        shown = {(one.indicator.id, one.department): one.country_value for one in judged}
        assert shown.pop(("fibre_ratio", None)) == fraction
        assert set(shown.values()) == {None}


class TestPersons:
    def test_are_withheld_below_the_smallest_cell(self) -> None:
        reported = enrolments(paris_job_seeker=4, paris_employee=4, meaux_employee=21)
        found = histories_of(state_store_of(ENROLLED, reported), ENROLLED)
        values = [found[INDICATOR, department].value(AS_OF) for department in (None, "75", "77")]
        assert values == [20, None, 20]

    def test_are_of_the_ends_of_periods(self) -> None:
        history = histories_of(state_store_of(ENROLLED, enrolments(paris_other=7)), ENROLLED)[
            INDICATOR, None
        ]
        assert history.reports == (date(2018, 1, 31),)
        values = [history.value(date(2018, 1, day)) for day in (30, 31)]
        assert values == [None, 5]

    def test_of_a_region_s_indicator_have_no_departements(self) -> None:
        catalogue = catalogue_of(
            {"count": "training.enrolled"},
            breakdown="audience",
            min_cell=5,
            published="monthly",
            grain="region",
        )
        reported = enrolments(paris_job_seeker=3, meaux_job_seeker=3)
        parts = categories_of(state_store_of(catalogue, reported), catalogue)
        assert parts[INDICATOR, None, "job_seeker"].at(AS_OF) == 5

    def test_a_share_is_that_of_published_cells(self) -> None:
        """Its exact parts would disclose withheld cells."""
        reported = enrolments(**{**dict.fromkeys(AUDIENCES, 96), "paris_job_seeker": 114})
        found = histories_of(state_store_of(shipped(), reported), shipped())
        share = found["priority_audience_ratio", "75"]
        assert share.value(AS_OF) == Fraction(110 + 100 + 100, 110 + 4 * 100)

    def test_a_share_is_withheld_where_withheld_cells_could_change_it(self) -> None:
        """Nine of each of three audiences may be behind a share of the other two."""
        reported = enrolments(paris_job_seeker=50, paris_employee=50, paris_other=9)
        share = histories_of(state_store_of(shipped(), reported), shipped())[
            "priority_audience_ratio", "75"
        ]
        assert share.value(AS_OF) is None
        assert share.withholds(AS_OF)

    @pytest.mark.parametrize(
        ("reported", "target", "status"),
        [
            (dict.fromkeys(AUDIENCES, 4), 19, None),
            (dict.fromkeys(AUDIENCES, 4), 20, "achieved"),
            ({"paris_job_seeker": 15, "paris_employee": 4}, 30, None),
            ({"paris_job_seeker": 15}, 31, "achieved"),
            ({"paris_job_seeker": 15}, 14, "missed"),
        ],
    )
    def test_are_few_enough_where_those_withheld_could_not_be_too_many(
        self, reported: dict[str, int], target: int, status: str | None
    ) -> None:
        """Four of each of five audiences are not shown: whether 19 are exceeded is not known."""
        milestone = {"id": "few", "target": target, "day": AS_OF, "source": "Un test."}
        catalogue = catalogue_of(
            {"count": "training.enrolled"},
            breakdown="audience",
            direction="falling",
            periodicity="irregular",
            min_cell=5,
            published="monthly",
            milestones=[milestone | {"scope": ["75"]}],
        )
        found = histories_of(state_store_of(catalogue, enrolments(**reported)), catalogue)
        [judgement] = judge_figure(catalogue.indicator(INDICATOR), "75", found, date(2021, 2, 1))
        assert judgement.status == status
        assert (judgement.attained_on is not None) is (status == "achieved")
        assert judgement.lost_on is None
