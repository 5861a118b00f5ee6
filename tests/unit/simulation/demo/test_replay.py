"""The pace at which simulated records are published."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from events.fact import Family
from simulation.demo.system import MOST_AT_ONCE, SimulationReplay
from simulation.emitter import RecordKind, SimulatedRecord

START = datetime(2016, 1, 1, 6, tzinfo=UTC)


@dataclass
class ManualClock:
    instant: datetime = START

    def now(self) -> datetime:
        return self.instant

    def today(self) -> date:
        return self.instant.date()


def record(hours: int) -> SimulatedRecord:
    sent = START + timedelta(hours=hours)
    return SimulatedRecord(sent, Family.SCHOOLS, RecordKind.REGULAR, f"key-{hours}", "{}")


@given(
    hours=st.lists(st.integers(0, 100), max_size=30).map(sorted),
    refreshes=st.lists(st.integers(0, 100), max_size=10).map(sorted),
)
def test_publishes_what_is_due_and_nothing_else(hours: list[int], refreshes: list[int]) -> None:
    clock = ManualClock()
    published: list[SimulatedRecord] = []
    records = [record(each) for each in hours]
    replay = SimulationReplay(records, published.append, clock)

    for refresh in refreshes:
        clock.instant = START + timedelta(hours=refresh)
        done = replay.send_due()

        assert published == [each for each in records if each.sent <= clock.instant]
        assert replay.sent == len(published)
        assert done is (published == records)


def test_a_long_past_comes_in_parts() -> None:
    published: list[SimulatedRecord] = []
    replay = SimulationReplay([record(0)] * (MOST_AT_ONCE + 1), published.append, ManualClock())

    assert not replay.send_due()
    assert len(published) == MOST_AT_ONCE
    assert replay.send_due()
    assert len(published) == MOST_AT_ONCE + 1


def test_nothing_to_replay_is_done_at_once() -> None:
    assert SimulationReplay([], lambda _: None, ManualClock()).send_due()
