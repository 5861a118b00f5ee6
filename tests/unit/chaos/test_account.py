"""The account of a run, and what a failing minute prints."""

from collections import Counter

from tests.chaos.faults import FaultKind, plan
from tests.chaos.minute import MinuteResult
from tests.chaos.run import Chaos, minute_lines

FAULTS = tuple(plan(5, 1, workers=4))


def minute(*problems: str) -> MinuteResult:
    return MinuteResult(
        minute=1,
        faults=FAULTS,
        done=Counter({FaultKind.WORKER_PAUSE: 3}),
        traffic_seconds=50.0,
        counts={"sent": 1_000, "acknowledged": 900, "receipts": 100},
        problems=problems,
    )


def test_the_account_adds_up_all_minutes() -> None:
    """A line for each number; the rate is that of the time with traffic."""
    lines = [*Chaos(5, print).account([minute(), minute("a difference")])]
    assert "        2000  events and records sent" in lines
    assert "          20  acknowledged a second, 2000 asked for" in lines
    assert "               6  worker_pause" in lines
    assert "           1  minutes with a difference" in lines


def test_a_failing_minute_prints_its_seed_and_its_faults() -> None:
    """One can plan it again, and sees what differed."""
    _, heading, *lines = minute_lines(minute("a difference"), 5)
    assert heading == "minute 1 FAILED, seed 5, faults:"
    assert [line.strip() for line in lines] == [*map(str, FAULTS), "a difference"]
    assert len([*minute_lines(minute(), 5)]) == 1
