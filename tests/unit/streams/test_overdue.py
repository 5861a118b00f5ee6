"""Which waiting records are overdue."""

from __future__ import annotations

from typing import Final

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.membership import OVERDUE_SECONDS, OverdueRecords
from tests.support.passing_time import PassingTime

HERE: Final = TP("smartregion.schools", 0)


class Looking:
    def __init__(self) -> None:
        self.time = PassingTime()
        self.records = OverdueRecords(clock=self.time.clock)

    def look(self, *, end: int, lag: int) -> int:
        self.records.look({HERE: end}, {HERE: lag})
        return self.records.count


@pytest.fixture
def looking() -> Looking:
    return Looking()


def test_what_was_there_at_the_assignment_is_overdue_at_once(looking: Looking) -> None:
    """Nobody knows for how long it waited: after a long stop, for years."""
    assert looking.look(end=500, lag=500) == 500


def test_a_log_that_was_truncated_has_no_more_overdue_than_waits(looking: Looking) -> None:
    looking.look(end=100, lag=100)
    looking.time.sleep(1)
    assert looking.look(end=40, lag=10) == 10


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_it_is_what_had_come_so_long_ago_and_is_not_done(steps: list[tuple[int, int]]) -> None:
    looking = Looking()
    assert looking.look(end=0, lag=0) == 0
    came: list[float] = []
    done = 0
    for arriving, finished in steps:
        looking.time.sleep(1)
        now = looking.time.clock()
        came += [now] * arriving
        done = min(len(came), done + finished)
        old = [time for time in came[done:] if time <= now - OVERDUE_SECONDS]
        assert looking.look(end=len(came), lag=len(came) - done) == len(old)
