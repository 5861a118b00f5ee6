"""The rows of a day."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from audit.export.document import table_schema
from audit.export.rows import ExportRow, rows_of
from audit.recount import audit_records
from catalogue.model import Catalogue
from catalogue.progress import MilestoneStatus
from catalogue.territories import REGION
from events.cloudevent import CloudEvent
from events.fact import Family
from report import data
from report.knowledge import Knowledge
from report.promise import promise_of
from streams.state_store import StateStore
from tests.support.audits import INDICATOR, catalogue_of, raw_record
from tests.support.histories import enrolled, event, pool, uai
from tests.support.knowledge import (
    LAST_DAY,
    knowledge,
    shipped,
    simulated_records,
    states_held_on,
    view,
)
from tests.support.measures import paid_of_committed
from tests.support.observations import barometer, observation_events, observed
from tests.support.past_figures import state_store_of
from tests.support.served_page import COMPLETE

AS_OF = date(2018, 6, 30)
BASELINE = {"value": 0, "day": date(2016, 1, 1), "source": "Essai"}
TEN = {
    "id": "ten",
    "target": 10,
    "day": date(2020, 12, 31),
    "source": "Essai",
    "scope": ["region", "departments"],
}

LATER = date(2019, 12, 31)
"""All reports of usage have expired."""


@cache
def everything() -> tuple[list[CloudEvent], StateStore, list[ExportRow]]:
    events = [one for family in Family for one in pool(family)]
    state_store = state_store_of(shipped(), events)
    return events, state_store, list(rows_of(shipped(), state_store, AS_OF))


@cache
def simulated_states() -> StateStore:
    return states_held_on(simulated_records(), shipped(), date(2020, 1, 1))


def rows(catalogue: Catalogue, *events: CloudEvent) -> list[ExportRow]:
    return list(rows_of(catalogue, state_store_of(catalogue, events), AS_OF))


def test_categories_are_the_audit_s() -> None:
    events, _, found = everything()
    audit = audit_records(map(raw_record, events), shipped(), AS_OF)
    shares = {
        (row.indicator, row.category, row.department): row.value for row in found if row.category
    }
    assert shares.keys() == audit.categories.keys()
    for (indicator, category, department), share in shares.items():
        amount = audit.categories[indicator, category, department]
        reading = audit.readings[indicator, department]
        is_known = reading.last_reported is not None and reading.denominator != 0
        is_known &= shipped().indicator(indicator).publication is None
        divisor = shipped().indicator(indicator).measure.divisor
        assert share == (amount / divisor if is_known else None)


def test_data_of_page_and_export_have_amounts_in_one_unit() -> None:
    catalogue = paid_of_committed()
    events = [
        event("grant.committed", "g-1", "2018-01-01", amount_cents=150_050),
        event("grant.paid", "g-1", "2018-02-01", amount_cents=120_000),
    ]
    state_store = state_store_of(catalogue, events)
    exported, *_ = rows_of(catalogue, state_store, AS_OF)
    standing = Knowledge.from_states(state_store, catalogue).standing(
        catalogue.indicator(INDICATOR), None, AS_OF
    )
    (shown,) = data.rows_of([standing], view(AS_OF), COMPLETE)
    assert exported.numerator == shown["numerator"] == 120_000
    assert exported.denominator == shown["denominator"] == 150_050
    for field in table_schema("csv")["fields"]:
        if field["name"] in ("numerator", "denominator"):
            assert "centimes" in field["description"]


@pytest.mark.slow
@pytest.mark.parametrize("day", [date(2015, 1, 1), AS_OF, LAST_DAY, LATER], ids=str)
def test_what_is_blank_on_the_page_is_blank_in_the_export(day: date) -> None:
    exported = list(rows_of(shipped(), simulated_states(), day))
    shown = {
        (row["indicator"], row["department"]): row
        for row in data.rows_of(knowledge().standings(day), view(day), COMPLETE)
    }
    for row in exported:
        there = shown[row.indicator, row.department]
        if row.category is None:
            assert (row.value is None) == (there["number"] is None)
            assert (row.numerator, row.denominator) == (there["numerator"], there["denominator"])
    for (indicator, department), there in shown.items():
        page = promise_of(
            knowledge(), shipped().indicator(indicator), view(day, department or REGION)
        )
        values = [
            row.value
            for row in exported
            if row.category and (row.indicator, row.department) == (indicator, department)
        ]
        assert [one is None for one in values] == [
            bool(one.value.reason) for one in page.categories
        ]
        if day == LATER and indicator == "workstations_occupancy_ratio":
            assert "dénominateur est nul" in there["value"]["reason"]


def test_a_figure_is_whole() -> None:
    catalogue = catalogue_of({"count": "school.connected"}, baseline=BASELINE, milestones=[TEN])
    region, *_ = rows(catalogue, event("school.connected", uai("0750001"), "2018-06-15"))
    assert region.model_dump(exclude_none=True) == {
        "as_of": AS_OF,
        "programme": "test",
        "programme_title": "Essai",
        "indicator": "figure",
        "indicator_title": "Figure",
        "unit": "count",
        "territory": "R11",
        "territory_name": "Île-de-France",
        "value": 1,
        "suppressed": False,
        "last_reported": date(2018, 6, 15),
        "baseline": 0,
        "milestone": "ten",
        "target": 10,
        "deadline": date(2020, 12, 31),
        "assumed": False,
        "progress_rate": 10,
        "status": MilestoneStatus.AT_RISK,
        "required_pace_per_day": 9 / 915,
    }


class TestPersons:
    CATALOGUE = catalogue_of(
        {"count": "training.enrolled"},
        breakdown="audience",
        min_cell=5,
        published="monthly",
        baseline=BASELINE,
        milestones=[TEN],
    )

    def test_a_withheld_row_has_no_number_but_the_promise_s(self) -> None:
        """Nor anything that it could be computed from."""
        found = rows(self.CATALOGUE, *enrolled(2, "75"), *enrolled(30, "77"))
        (paris,) = (row for row in found if row.department == "75" and not row.category)
        assert paris.suppressed
        assert {
            name
            for name, value in paris.model_dump(exclude_none=True).items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        } == {"baseline", "target"}
        assert paris.status is not None

    def test_a_withheld_category_has_no_value(self) -> None:
        found = rows(self.CATALOGUE, *enrolled(2, "75"), *enrolled(30, "77"))
        shares = {row.category: row for row in found if row.department == "75" and row.category}
        assert (shares["job_seeker"].value, shares["job_seeker"].suppressed) == (None, True)
        assert (shares["employee"].value, shares["employee"].suppressed) == (None, True)

    def test_a_large_enough_one_is_shown(self) -> None:
        found = rows(self.CATALOGUE, *enrolled(6, "75"), *enrolled(8, "77"))
        assert [row.value for row in found if row.category == "job_seeker"][:3] == [15, 5, 10]
        assert [row.value for row in found if not row.category][:3] == [15, 5, 10]
        assert {row.as_of for row in found} == {date(2018, 6, 30)}


def test_an_observed_figure_is_that_of_its_own_territory() -> None:
    events = [
        observed("IND-042", "D75", "2018-01-01", "92.5"),
        observed("IND-042", "D77", "2018-01-01", "40"),
        observed("IND-101", "R11", "2018-01-01", "21.375"),
        observed("IND-042", "FRANCE", "2018-01-01", "57.5"),
        observed("IND-101", "FRANCE", "2018-01-01", "40"),
    ]
    state_store = state_store_of(barometer(), observation_events(events))
    found = {
        (row.indicator, row.department): row for row in rows_of(barometer(), state_store, AS_OF)
    }
    fibre = {
        department: found["fibre_ratio", department] for department in (None, "75", "77", "78")
    }
    assert [row.value for row in fibre.values()] == [None, 0.925, 0.4, None]
    assert [row.baseline for row in fibre.values()] == [0.4, 0.9, 0.1, None]
    assert [row.progress_rate for row in fibre.values()] == [None, 50, 60, None]
    assert found["waiting_days", None].progress_rate == 50
    assert {row.numerator for row in found.values()} == {None}
    # France's is beside the region's where the catalogue shows it, and in no figure.
    compared = {key: row.country_value for key, row in found.items() if row.country_value}
    assert compared == {("fibre_ratio", None): 0.575}
