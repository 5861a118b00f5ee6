"""The simulated five years: the ledger tells the same of every figure as the workers' states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import pytest

from broker.stored_record import RawRecord
from catalogue.history import Histories
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from catalogue.publication import counts_persons
from report.evidence import changes, contributions
from report.ledger import EventLedger
from report.past import state_store_known_on
from streams.histories import categories_of, histories_of
from tests.support.known_states import states_held_on
from tests.support.ledgers import simulated_years

SEED = 3
CATALOGUE = load_catalogue()

KNOWN_ON = date(2018, 9, 30)
"""Corrections and late reports of what took effect before are recorded after it."""
DAYS = (date(2016, 12, 31), date(2018, 7, 1), KNOWN_ON)


@pytest.fixture(scope="module")
def records() -> Sequence[RawRecord]:
    """Give all records, as a broker keeps them."""
    return simulated_years(SEED)


@pytest.fixture(scope="module")
def ledger(records: Sequence[RawRecord]) -> Iterator[EventLedger]:
    """Give the ledger of them."""
    with EventLedger(threads=1) as opened:
        opened.append(records)
        yield opened


@pytest.fixture(scope="module")
def histories(records: Sequence[RawRecord]) -> Histories:
    """Give the histories as known on the day, from the raw topics."""
    return histories_of(states_held_on(records, CATALOGUE, KNOWN_ON), CATALOGUE)


def test_the_past_is_that_of_the_raw_topics(
    ledger: EventLedger, records: Sequence[RawRecord], histories: Histories
) -> None:
    """Every history, every part and every judgement of a past day, persons' among them."""
    persons = [record for record in records if record.topic == "smartregion.trainings"]
    found = state_store_known_on(ledger, persons, CATALOGUE, KNOWN_ON)
    told = histories_of(found, CATALOGUE)

    assert told == histories
    assert categories_of(found, CATALOGUE) == categories_of(
        states_held_on(records, CATALOGUE, KNOWN_ON), CATALOGUE
    )
    for day in DAYS:
        assert judge_all(CATALOGUE, told, day) == judge_all(CATALOGUE, histories, day)


@pytest.mark.parametrize("as_of", DAYS, ids=str)
def test_every_figure_is_the_sum_of_its_entities(
    ledger: EventLedger, histories: Histories, as_of: date
) -> None:
    """In every territory; the rows of the Région are added up one by one."""
    compared = 0
    for (identifier, department), history in histories.items():
        indicator = CATALOGUE.indicator(identifier)
        if counts_persons(indicator) or department not in indicator.territories:
            continue
        limit = 10_000 if department is None else 1
        page = contributions(ledger, indicator, department, as_of, KNOWN_ON, limit=limit)
        reading = history.reading(as_of)
        compared += 1

        assert (page.numerator, page.denominator) == (reading.numerator, reading.denominator)
        if department is None:
            assert len(page.rows) == page.entities
            assert sum(row.numerator for row in page.rows) == reading.numerator

    assert compared > 80


@pytest.mark.parametrize(("since", "until"), [DAYS[:2], DAYS[1:]], ids=str)
def test_every_change_is_the_sum_of_its_entities(
    ledger: EventLedger, histories: Histories, since: date, until: date
) -> None:
    """Of the numerator and of the denominator apart."""
    for indicator in CATALOGUE.indicators:
        if counts_persons(indicator):
            continue
        page = changes(ledger, indicator, None, since, until, KNOWN_ON, limit=10_000)
        history = histories[indicator.id, None]
        moved = sum(row.numerator_after - row.numerator_before for row in page.rows)

        assert page.numerator == moved == history.numerator.change(since, until)
        if history.denominator is not None:
            assert page.denominator == history.denominator.change(since, until)
