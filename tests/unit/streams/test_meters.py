"""What the worker counts about itself."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from events.errors import ContractError, RefusalReason
from streams.core import Outcome, RecordRefusal, Result
from streams.meters import MAX_SOURCES, Meters
from streams.producers.meters import Attribution, ProducerMeters
from tests.support.records import FakeRecord
from tests.support.scorecards import LYCEES, PRODUCERS

NOON = datetime(2018, 3, 1, 12, tzinfo=UTC)


def seen(time: datetime = NOON, source: str = "/a") -> Result:
    """Return a batch with an event of a source."""
    return Result(latest={(source, "type"): time})


def test_outcomes_add_up_over_batches() -> None:
    """Each batch's tally is added to those before."""
    meters = Meters()

    for accepted in (2, 3):
        meters.count(Result(records=Counter({("/a", "type", Outcome.ACCEPTED, 3): accepted})))

    assert meters.events["type", Outcome.ACCEPTED] == 5


def test_refusals_are_counted_by_reason() -> None:
    """So that different errors of a producer are distinct."""
    record = FakeRecord("topic", 0, 0, None, None)
    reasons = (RefusalReason.NULL_VALUE, RefusalReason.NULL_VALUE, RefusalReason.WRONG_TOPIC)
    meters = Meters()

    meters.count(
        Result(
            refusals=[
                RecordRefusal(record, ContractError(reason, "f", None, "r")) for reason in reasons
            ]
        )
    )

    assert meters.dead_letters == {"null_value": 2, "wrong_topic": 1}


def test_the_last_event_is_the_latest_not_the_last_read() -> None:
    """A late event does not make its source look silent."""
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
    """Sources are the words of whoever is not declared: their number is bounded."""

    def full(self) -> Meters:
        """Return meters that have seen as many sources as they keep."""
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
        """Those that were there first are not pushed out."""
        meters = self.full()

        meters.count(seen(NOON + timedelta(1), source="/0"))

        assert meters.last_event["/0", "type"] == NOON + timedelta(1)
        assert meters.sources_dropped == 0
