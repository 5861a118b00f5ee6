"""The figures as known on a past day are those of the raw topics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.registry import Family
from report.past import state_store_known_on
from streams.histories import categories_of, histories_of
from streams.state_store import StateStore
from tests.support.audits import catalogue_of, raw, raw_record
from tests.support.histories import histories
from tests.support.known_states import states_held_on
from tests.support.ledgers import ledger_with, numbered
from tests.support.measures import MEASURES

CATALOGUE = load_catalogue()


KNOWN_ON = st.sampled_from(["2019-05-31", "2019-06-01", "2019-06-02"]).map(date.fromisoformat)


def known(
    records: Sequence[RawRecord], catalogue: Catalogue, day: date
) -> tuple[StateStore, StateStore]:
    """Return what the ledger tells of a day, and what the raw topics do."""
    persons = [record for record in records if record.topic == "smartregion.trainings"]
    with ledger_with(records) as ledger:
        found = state_store_known_on(ledger, persons, catalogue, day)
    return found, states_held_on(records, catalogue, day)


@settings(max_examples=30)  # Each asks for all terms of the catalogue.
@given(
    st.lists(st.sampled_from(Family), min_size=1, max_size=3, unique=True).flatmap(
        lambda families: st.tuples(*map(histories, families))
    ),
    KNOWN_ON,
)
def test_figures_are_those_of_the_raw_topics(
    drawn: Sequence[Sequence[CloudEvent]], known_on: date
) -> None:
    """Every history of the shipped catalogue and every part, persons' among them."""
    records = numbered(raw_record(one) for part in drawn for one in part)
    found, expected = known(records, CATALOGUE, known_on)

    assert histories_of(found, CATALOGUE) == histories_of(expected, CATALOGUE)
    assert categories_of(found, CATALOGUE) == categories_of(expected, CATALOGUE)


@pytest.mark.parametrize("family", [family for family in Family if not family.about_persons])
@given(data=st.data())
def test_every_form_of_measure_has_the_same_course(family: Family, data: st.DataObject) -> None:
    """Sums, latest values, mappings, expiries, filters and observations, and their parts."""
    measure, fields = data.draw(st.sampled_from(MEASURES[family]))
    catalogue = catalogue_of(measure, **fields)
    records = numbered(map(raw_record, data.draw(histories(family))))
    found, expected = known(records, catalogue, data.draw(KNOWN_ON))

    assert histories_of(found, catalogue) == histories_of(expected, catalogue)
    assert categories_of(found, catalogue) == categories_of(expected, catalogue)


def test_refused_records_of_persons_are_ignored() -> None:
    """As a worker ignores them."""
    broken = raw("training.enrolled", "enrolment-000001", "2018-01-01")._replace(value=b"{")
    with ledger_with([]) as ledger:
        found = state_store_known_on(ledger, [broken], CATALOGUE, date(2019, 1, 1))

    assert not found.states(Family.TRAININGS, 0)
