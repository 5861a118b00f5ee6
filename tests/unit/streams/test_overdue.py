"""Which waiting records are overdue."""

from __future__ import annotations

from typing import Final

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.overdue import OVERDUE_SECONDS, OverdueRecords
from tests.support.passing_time import PassingTime

HERE: Final = TP("smartregion.schools", 0)
THERE: Final = TP("smartregion.schools", 1)


class Looking:
    """A count of overdue records, and the time."""

    def __init__(self) -> None:
        self.time = PassingTime()
        self.records = OverdueRecords(clock=self.time.clock)

    def look(self, *, end: int, lag: int, tp: TP = HERE) -> int:
        """Look once at one partition, and return what is overdue."""
        self.records.look({tp: end}, {tp: lag})
        return self.records.count

    def come_up_to_date(self, end: int) -> None:
        """Let a partition be assigned whose records are all done."""
        assert self.look(end=end, lag=0) == 0


@pytest.fixture
def looking() -> Looking:
    """Return a count that has not looked yet."""
    return Looking()


def test_what_was_there_at_the_assignment_is_overdue_at_once(looking: Looking) -> None:
    """Nobody knows for how long it waited: after a rebuild, for years."""
    assert looking.look(end=500, lag=500) == 500


def test_records_that_come_all_the_time_are_not_overdue(looking: Looking) -> None:
    """Some of them always wait, each for a moment."""
    looking.come_up_to_date(100)
    for second in range(60):
        looking.time.sleep(1)
        assert looking.look(end=100 + 2000 * second, lag=150 if second else 0) == 0


def test_a_record_that_is_not_processed_becomes_overdue(looking: Looking) -> None:
    """With those behind it, as they grow old; no more once all are processed."""
    looking.come_up_to_date(7)
    looking.time.sleep(1)
    assert looking.look(end=8, lag=1) == 0
    looking.time.sleep(OVERDUE_SECONDS - 1)
    assert looking.look(end=20, lag=13) == 0
    looking.time.sleep(1)
    assert looking.look(end=20, lag=13) == 1
    looking.time.sleep(OVERDUE_SECONDS)
    assert looking.look(end=20, lag=13) == 13
    assert looking.look(end=20, lag=0) == 0


def test_a_log_that_was_truncated_has_no_more_overdue_than_waits(looking: Looking) -> None:
    """Its end is before the one that was seen."""
    looking.look(end=100, lag=100)
    looking.time.sleep(1)
    assert looking.look(end=40, lag=10) == 10


def test_partitions_are_counted_together() -> None:
    """One that has just come beside one that is up to date."""
    looking = Looking()
    looking.come_up_to_date(10)
    looking.time.sleep(1)
    looking.records.look({HERE: 15, THERE: 30}, {HERE: 5, THERE: 4})
    assert looking.records.count == 4


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_it_is_what_had_come_so_long_ago_and_is_not_done(steps: list[tuple[int, int]]) -> None:
    """Compared, each second, with a list of the times at which records came."""
    looking = Looking()
    looking.come_up_to_date(0)
    came: list[float] = []
    done = 0
    for arriving, finished in steps:
        looking.time.sleep(1)
        now = looking.time.clock()
        came += [now] * arriving
        done = min(len(came), done + finished)
        old = [time for time in came[done:] if time <= now - OVERDUE_SECONDS]
        assert looking.look(end=len(came), lag=len(came) - done) == len(old)
