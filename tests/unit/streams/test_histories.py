"""From holdings to histories: the same figures as an audit's, on every day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.history import History
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from events.identifiers import Department
from streams.audit.ledger import Ledger
from streams.audit.recount import audit_ledger
from streams.histories import categories_of, histories_of, person_tables
from streams.holdings import Holdings
from tests.support.audits import INDICATOR, catalogue_of, raw_record
from tests.support.histories import DAYS, event, histories, uai
from tests.support.records import learn

AS_OF = date(2020, 12, 31)
ENROLLED = catalogue_of({"count": "training.enrolled"}, breakdown="audience", min_cell=5)

shipped = cache(load_catalogue)


def taught(catalogue: Catalogue, told: Sequence[CloudEvent]) -> Holdings:
    """Return holdings that know events, over several partitions."""
    holdings = Holdings(catalogue.terms)
    for one in told:
        learn(holdings, one.fact.FAMILY, [[one]])
    return holdings


def enrolments(**audiences: int) -> list[CloudEvent]:
    """Return so many enrolments of each audience: `paris_job_seeker=3` is in Paris."""
    places = {"paris": "75", "meaux": "77"}
    return [
        event(
            "training.enrolled",
            f"enrolment-{name.replace('_', '-')}-{number:03}",
            "2018-01-01",
            department=places[name.partition("_")[0]],
            audience=name.partition("_")[2],
        )
        for name, count in audiences.items()
        for number in range(count)
    ]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(Family).flatmap(histories), max_size=3))
def test_readings_are_the_audit_s_on_every_day(told: list[list[CloudEvent]]) -> None:
    """Whatever happened, figures and their categories are on each day what an audit counts."""
    events = [one for history in told for one in history]
    holdings = taught(shipped(), events)
    found, parts = histories_of(holdings, shipped()), categories_of(holdings, shipped())
    with Ledger(map(raw_record, events), partitions=8) as ledger:
        for day in (*map(date.fromisoformat, DAYS), AS_OF):
            audit = audit_ledger(ledger, shipped(), day)
            readings = {place: history.reading(day) for place, history in found.items()}
            assert readings == audit.readings
            assert {
                (one, category, where): total.at(day)
                for (one, where, category), total in parts.items()
            } == {
                key: amount
                for key, amount in audit.categories.items()
                if shipped().indicator(key[0]).min_cell is None
            }


def test_there_is_a_history_of_what_was_never_reported() -> None:
    """It is empty, and its value not known."""
    found = histories_of(Holdings(shipped().terms), shipped())
    history = found["schools_connected_ratio", "75"]
    assert history == History(denominator=history.denominator)
    assert history.value(AS_OF) is None


def test_the_region_has_what_no_departement_has() -> None:
    """An entity that names no département counts for the region alone."""
    catalogue = catalogue_of({"sum": "workstations", "from": "coworking.resized"})
    told = [event("coworking.resized", "orphan", "2018-01-01", workstations=7)]
    found = histories_of(taught(catalogue, told), catalogue)
    assert found[INDICATOR, None].value(AS_OF) == 7
    assert {found[INDICATOR, code].value(AS_OF) for code in Department} == {None}


def test_a_lycee_counts_from_its_day() -> None:
    """The day before its first step a figure is 0, or not known before the first report."""
    catalogue = catalogue_of({"count": "school.connected"})
    told = [event("school.connected", uai("0750001"), "2018-03-01")]
    history = histories_of(taught(catalogue, told), catalogue)[INDICATOR, "75"]
    assert history.value(date(2018, 2, 28)) is None
    assert history.value(date(2018, 3, 1)) == 1


class TestPersonTables:
    """Tables of persons, as they may be shown."""

    def test_are_only_of_indicators_that_declare_a_smallest_cell(self) -> None:
        """The others are shown as they are."""
        catalogue = catalogue_of({"count": "training.enrolled"}, breakdown="audience")
        assert person_tables(Holdings(catalogue.terms), catalogue, AS_OF) == {}

    def test_hide_a_small_cell_and_what_betrays_it(self) -> None:
        """Two persons are hidden, and enough beside them that no sum tells them."""
        told = enrolments(
            paris_job_seeker=2, paris_employee=20, meaux_job_seeker=20, meaux_employee=20
        )
        table = person_tables(taught(ENROLLED, told), ENROLLED, AS_OF)[INDICATOR]
        assert table["75", "job_seeker"] is None
        assert sum(value is None for value in table.values()) > 1
        assert table[None, None] == 62

    def test_show_what_is_large_enough(self) -> None:
        """Cells, and margins with them."""
        told = enrolments(paris_job_seeker=5, meaux_employee=6)
        table = person_tables(taught(ENROLLED, told), ENROLLED, AS_OF)[INDICATOR]
        assert (table["75", "job_seeker"], table["77", None], table[None, None]) == (5, 6, 11)

    def test_are_of_their_day(self) -> None:
        """The day before, nobody had enrolled."""
        holdings = taught(ENROLLED, enrolments(paris_job_seeker=5))
        table = person_tables(holdings, ENROLLED, date(2017, 12, 31))[INDICATOR]
        assert set(table.values()) <= {0}

    def test_of_a_region_s_indicator_have_no_departements(self) -> None:
        """Where no département is shown, none must be hidden by the others."""
        catalogue = catalogue_of(
            {"count": "training.enrolled"}, breakdown="audience", min_cell=5, grain="region"
        )
        told = enrolments(paris_job_seeker=3, meaux_job_seeker=3)
        table = person_tables(taught(catalogue, told), catalogue, AS_OF)[INDICATOR]
        assert table[None, "job_seeker"] == 6
