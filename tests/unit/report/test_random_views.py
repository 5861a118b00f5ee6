"""Views drawn at random: every figure and every map is what an audit counts of the raw records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import NamedTuple

import pytest

from audit.ledger import Ledger
from audit.recount import Audit, audit_ledger
from catalogue.model import Indicator
from catalogue.territories import TERRITORY_NAMES
from events.fact import Family
from report.page_request import Known
from report.past import knowledge_on
from report.places import ratios_by, shares_by_commune, state_of
from report.school_map import schools_on_map
from report.view import View
from tests.support.knowledge import LAST_DAY, shipped, simulated_records, view
from tests.support.published import is_of_persons, published_values
from tests.support.served_page import COMPLETE, ServedPage, page_over

FIRST = date(2016, 3, 1)
MANY = pytest.param(20, 100, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)])
"""2 000 views."""


@dataclass
class PastPage(ServedPage):
    """A page that knows on a past day what was known then."""

    pasts: dict[date, Known] = field(default_factory=dict)

    def known_on(self, day: date) -> Known:
        if day not in self.pasts:
            persons = [one for one in simulated_records() if one.topic == "smartregion.trainings"]
            known = knowledge_on(self.ledger, persons, shipped(), day)
            self.pasts = {day: (known, COMPLETE)}
        return self.pasts[day]


class Drawn(NamedTuple):
    """A figure in a view."""

    indicator: Indicator
    view: View

    @property
    def path(self) -> str:
        return f"/promesses/{self.indicator.id}/jalons.json{self.view.permanent()}"

    @property
    def key(self) -> tuple[str, str | None]:
        return self.indicator.id, self.view.department_for(self.indicator)


@pytest.fixture(scope="module")
def page() -> Iterator[PastPage]:
    with page_over(simulated=True) as made:
        yield PastPage(made.ledger, made.known)


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    with Ledger(simulated_records(), partitions=8) as made:
        yield made


def drawn(chance: Random, number: int) -> list[Drawn]:
    """Return figures as known on one day, on a few days before it."""
    known_on = FIRST + timedelta(days=chance.randrange(30, (LAST_DAY - FIRST).days))
    days = [known_on - timedelta(days=chance.randrange((known_on - FIRST).days)) for _ in range(3)]
    return [
        Drawn(
            chance.choice(shipped().indicators),
            view(
                chance.choice([known_on, *days]),
                chance.choice([*TERRITORY_NAMES]),
                known_on=known_on,
            ),
        )
        for _ in range(number)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("known_days", "views"), [(1, 50), MANY])
def test_every_figure_and_place_is_the_audit_s(
    page: PastPage, ledger: Ledger, known_days: int, views: int
) -> None:
    chance = Random(known_days)
    for _ in range(known_days):
        shown = drawn(chance, views)

        @cache
        def audited(as_of: date, known_on: date | None = shown[0].view.known_on) -> Audit:
            return audit_ledger(ledger, shipped(), as_of, known_on)

        answers = page.ask(*(one.path for one in shown))
        for one, answer in zip(shown, answers, strict=True):
            assert answer.status == 200, one.path
            figure = json.loads(answer.body)["figure"]
            expected = value_of(one, audited(counted_on(one)))
            assert figure["number"] == pytest.approx(expected), one.path
            check_places(page, one, audited(one.view.as_of))


def counted_on(one: Drawn) -> date:
    publication = one.indicator.publication
    return one.view.as_of if publication is None else publication.day(one.view.as_of)


def value_of(one: Drawn, audit: Audit) -> float | None:
    if is_of_persons(shipped(), one.indicator.id):
        return published_values(audit).get(one.key)
    value = audit.histories[one.key].value(audit.as_of)
    return None if value is None else float(value)


def check_places(page: PastPage, one: Drawn, audit: Audit) -> None:
    """Check that what is on a map adds up to the figure, and that a lycée's page agrees."""
    reading = audit.readings[one.key]
    if one.indicator in ratios_by(shipped(), Family.BROADBAND):
        shares = shares_by_commune(page.ledger, one.indicator, one.view).values()
        assert sum(share.numerator for share in shares) == (reading.numerator or 0), one.path
        assert sum(share.denominator for share in shares) == (reading.denominator or 0), one.path
    elif one.indicator in ratios_by(shipped(), Family.SCHOOLS):
        schools = schools_on_map(page.ledger, one.indicator, one.view)
        measured = one.indicator.measure.numerator
        if measured.family is Family.SCHOOLS:
            counted = [school for school in schools if school.counts]
            assert len(counted) == (reading.numerator or 0), one.path
            for school in Random(len(counted)).sample(counted, min(3, len(counted))):
                held = {fact.fact for fact in state_of(page.ledger, school.key, one.view).facts}
                assert held & set(measured.facts), school
