"""Observed indicators: a catalogue with some of them, and observations drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from hypothesis import strategies as st

from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.observation import IndicatorObserved, Territory
from tests.support.sources import source_of

BAROMETER: Final = Path(__file__).parents[1] / "corpus" / "catalogue" / "observed"
"""Three observed indicators: a percentage, a number of days that falls, and a balance."""

_INDICATORS: Final = ("IND-042", "IND-101", "solde.2017", "IND-999")
_TERRITORIES: Final = (
    Territory.REGION,
    Territory("D75"),
    Territory("D77"),
    Territory.COUNTRY,
)

barometer = cache(lambda: load_catalogue(BAROMETER))


class Observation(NamedTuple):
    """What was observed of an indicator in a territory on a day; no value retracts it."""

    indicator: str
    territory: Territory
    day: date
    value: Decimal | None


def observation_events(observations: Sequence[Observation]) -> list[CloudEvent]:
    return [
        CloudEvent(
            id=f"observation-{number:05}",
            source=source_of("indicator.observed"),
            time=datetime.combine(date(2021, 1, 1), time(0, number // 60, number % 60), UTC),
            fact=IndicatorObserved(
                indicator=one.indicator,
                territory=one.territory,
                observed_on=one.day,
                value=Decimal(0) if one.value is None else one.value,
                retracted=one.value is None,
            ),
        )
        for number, one in enumerate(observations)
    ]


def observed(indicator: str, territory: str, day: str, value: str | None) -> Observation:
    """Return one observation; without a value, a retraction."""
    number = None if value is None else Decimal(value)
    return Observation(indicator, Territory(territory), date.fromisoformat(day), number)


def observations(*, max_size: int = 30) -> st.SearchStrategy[list[Observation]]:
    values = st.decimals(-1000, 1000, places=3) | st.just(Decimal(0))
    one = st.builds(
        Observation,
        st.sampled_from(_INDICATORS),
        st.sampled_from(_TERRITORIES),
        st.dates(date(2018, 1, 1), date(2018, 1, 12)),
        st.none() | values,
    )
    return st.lists(one, max_size=max_size)
