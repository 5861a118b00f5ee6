"""The knowledge of past days is made once, as long as no other event is known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.past_days import MOST_PAST_DAYS, MOST_SECONDS, PastDays
from tests.support.audits import raw
from tests.support.knowledge import shipped

DAY = date(2018, 6, 30)
DEADLINE = 30.0


@dataclass
class Made:
    ledger: EventLedger
    days: list[date] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.past = PastDays(self.ledger, self.make, timer=lambda: self.now)

    def make(self, day: date) -> Knowledge:
        self.days.append(day)
        return Knowledge(shipped(), {}, {})

    def learn(self, day: str) -> None:
        self.ledger.append([raw("grant.committed", f"g-{day}", day)])


@pytest.fixture
def made() -> Iterator[Made]:
    with EventLedger() as ledger:
        found = Made(ledger)
        found.learn("2018-03-01")
        yield found


def test_a_day_is_made_once(made: Made) -> None:
    assert made.past.kept(DAY) is None
    first = made.past.get(DAY)
    assert made.past.get(DAY) is first
    assert made.past.kept(DAY) is first
    assert made.days == [DAY]


def test_a_day_of_which_more_is_known_is_made_again(made: Made) -> None:
    """An event that was recorded by then and read late is in its figures; later ones are not."""
    first = made.past.get(DAY)
    made.learn("2018-09-01")
    assert made.past.kept(DAY) is first
    made.learn("2018-05-01")
    assert made.past.kept(DAY) is None
    assert made.past.get(DAY) is not first


def test_a_day_is_made_again_after_a_while(made: Made) -> None:
    """A person may have been erased meanwhile, or have enrolled: no ledger has that."""
    first = made.past.get(DAY)
    made.now += MOST_SECONDS
    assert made.past.kept(DAY) is first
    made.now += 1.0
    assert made.past.kept(DAY) is None
    assert made.past.get(DAY) is not first


def test_the_days_asked_for_last_are_kept(made: Made) -> None:
    days = [DAY + timedelta(days=number) for number in range(MOST_PAST_DAYS)]
    for day in days:
        made.past.get(day)
    assert made.past.kept(days[0]) is not None
    made.past.get(DAY - timedelta(days=1))
    assert made.past.kept(days[0]) is not None
    assert made.past.kept(days[1]) is None


def test_a_kept_day_is_there_while_another_is_made(made: Made) -> None:
    proceed, begun = threading.Event(), threading.Event()
    other = DAY + timedelta(days=1)

    def make(day: date) -> Knowledge:
        if day == other:
            begun.set()
            assert proceed.wait(DEADLINE)
        return made.make(day)

    past = PastDays(made.ledger, make)
    kept = past.get(DAY)
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(past.get, other) for _ in range(2)]
        try:
            assert begun.wait(DEADLINE)
            assert past.kept(other) is None
            assert past.kept(DAY) is kept
        finally:
            proceed.set()
        first, second = [one.result() for one in asked]
    assert first is second
    assert made.days == [DAY, other]
