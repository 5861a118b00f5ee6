"""What the worker counts about itself."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from streams.core import Outcome, Result
from streams.meters import MAX_SOURCES, Meters
from streams.producers.meters import Attribution, ProducerMeters
from tests.support.scorecards import LYCEES, PRODUCERS

NOON = datetime(2018, 3, 1, 12, tzinfo=UTC)


def seen(time: datetime = NOON, source: str = "/a") -> Result:
    return Result(latest={(source, "type"): time})


def test_outcomes_add_up_over_batches() -> None:
    meters = Meters()

    for accepted in (2, 3):
        meters.count(Result(records=Counter({("/a", "type", Outcome.ACCEPTED, 3): accepted})))

    assert meters.events["type", Outcome.ACCEPTED] == 5


def test_the_last_event_is_the_latest_not_the_last_read() -> None:
    meters = Meters()

    for time in (NOON, NOON - timedelta(1)):
        meters.count(seen(time))

    assert meters.last_event == {("/a", "type"): NOON}


def test_what_a_producer_appends_to_its_source_makes_no_series() -> None:
    """Nobody who may send only its own source uses up the series of all others."""
    meters = Meters(ProducerMeters(Attribution(PRODUCERS)))

    for number in range(MAX_SOURCES + 1):
        meters.count(seen(NOON + timedelta(number), source=f"{LYCEES}:{number}"))

    assert meters.last_event == {(LYCEES, "type"): NOON + timedelta(MAX_SOURCES)}
    assert meters.sources_dropped == 0


class TestTooManySources:
    def full(self) -> Meters:
        meters = Meters()
        for number in range(MAX_SOURCES):
            meters.count(seen(source=f"/{number}"))
        return meters

    def test_a_source_too_many_is_counted_not_kept(self) -> None:
        """Made-up sources cannot fill the memory, nor Prometheus'."""
        meters = self.full()

        meters.count(seen(source="/new"))

        assert (len(meters.last_event), meters.sources_dropped) == (MAX_SOURCES, 1)

    def test_a_source_that_is_kept_goes_on(self) -> None:
        meters = self.full()

        meters.count(seen(NOON + timedelta(1), source="/0"))

        assert meters.last_event["/0", "type"] == NOON + timedelta(1)
        assert meters.sources_dropped == 0
