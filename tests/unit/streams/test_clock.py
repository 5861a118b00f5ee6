"""The monitor's clock: which day it is for every figure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clock import AcceleratedClock, FixedClock, parse_clock

ORIGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = "2016-01-01..2020-12-31@20"


@dataclass
class ManualTime:
    moment: datetime = ORIGIN

    def now(self) -> datetime:
        return self.moment

    def today(self) -> date:
        return self.moment.date()


def test_a_fixed_clock_stands_at_the_end_of_its_day() -> None:
    clock = FixedClock(date(2019, 6, 30))

    assert clock.today() == date(2019, 6, 30)
    assert clock.now() == datetime(2019, 6, 30, 23, 59, 59, tzinfo=UTC)


class TestAccelerated:
    def clock(self, hands: ManualTime) -> AcceleratedClock:
        return AcceleratedClock(ORIGIN, date(2016, 1, 1), 20, date(2020, 12, 31), hands)

    def test_runs_at_its_pace(self) -> None:
        hands = ManualTime(ORIGIN + timedelta(seconds=3))

        assert self.clock(hands).today() == date(2016, 3, 1)

    def test_stops_at_the_end_of_its_last_day(self) -> None:
        hands = ManualTime(ORIGIN + timedelta(days=1))

        assert self.clock(hands).now() == datetime(2020, 12, 31, 23, 59, 59, tzinfo=UTC)

    @given(
        pace=st.floats(0.001, 1e6),
        length=st.integers(0, 5000),
        seconds=st.lists(st.floats(-10, 1e6), min_size=2),
    )
    def test_never_goes_back_nor_beyond(
        self, pace: float, length: int, seconds: list[float]
    ) -> None:
        hands, start = ManualTime(), date(2016, 1, 1)
        clock = AcceleratedClock(ORIGIN, start, pace, start + timedelta(length), hands)
        reported = []
        for elapsed in sorted(seconds):
            hands.moment = ORIGIN + timedelta(seconds=elapsed)
            reported.append(clock.now())

        assert reported == sorted(reported)
        assert start <= reported[0].date()
        assert reported[-1].date() <= clock.until


class TestParse:
    def test_a_run_begins_now(self) -> None:
        hands = ManualTime()

        assert parse_clock(RUN, real=hands) == AcceleratedClock(
            ORIGIN, date(2016, 1, 1), 20.0, date(2020, 12, 31), hands
        )

    @pytest.mark.parametrize("origin", ["2026-01-01T12:00:00Z", "2026-01-01T13:00:00+01:00"])
    def test_a_run_may_have_begun(self, origin: str) -> None:
        clock = parse_clock(f"{RUN}+{origin}")

        assert isinstance(clock, AcceleratedClock)
        assert clock.origin == ORIGIN

    @pytest.mark.parametrize(
        "text",
        [
            *("", "now", "2019-02-30", "2019-06-30@20", "2016-01-01..2020-12-31"),
            *("2016-01-01..@20", "..2020-12-31@20", "2016-01-01..2020-12-31@fast"),
            *(f"{RUN}+noon", f"{RUN}+2026-01-01T12:00:00", "2020-12-31..2016-01-01@20"),
            *(f"2016-01-01..2020-12-31@{pace}" for pace in ("0", "-1", "nan", "inf", "")),
        ],
    )
    def test_anything_else_is_refused_with_the_remedy(self, text: str) -> None:
        with pytest.raises(ValueError, match="is no clock: ") as refused:
            parse_clock(text)

        assert repr(text) in str(refused.value)
