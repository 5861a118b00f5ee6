"""Observed indicators in PILOTE's format: what `import pilote` takes in again.

Current values are those of the topic of observations, of every territory and day; initial and
target values are the catalogue's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from broker.stored_record import RawRecord
from catalogue.model import Catalogue, Indicator
from catalogue.observed import is_percent, observed_indicator
from events.fact import Family
from events.observation import MICROS, IndicatorObserved, Territory
from events.record_rules import RULES, RecordRules
from events.topics import DEFAULT_PARTITIONS
from sources.importing.pilote import PiloteValue, ValueKind, is_indicator
from streams.state import NO_DAYS
from streams.state_store import StateStore
from streams.topic_fold import merge_events

HUNDRED: Final = 100


def current_values(
    records: Iterable[RawRecord],
    as_of: date,
    known_on: date | None = None,
    *,
    partitions: int = DEFAULT_PARTITIONS,
    rules: RecordRules = RULES,
) -> Iterator[PiloteValue]:
    """Yield the values observed up to a day, as known at the end of another (UTC), each once.

    `records` are those of the topic of observations. Retracted values are left out, and so are
    the indicators that PILOTE has no name for.
    """
    observed = StateStore([])
    known_days = {} if known_on is None else {Family.OBSERVATIONS: known_on}
    merge_events(observed, records, partitions=partitions, known_on=known_days, rules=rules)
    for key in observed.partitions():
        for state in observed.states(*key).values():
            for text, cell in state.get(IndicatorObserved.NAME, NO_DAYS).items():
                day, fields = date.fromisoformat(text), cell.attributes
                if fields is not None and day <= as_of and is_indicator(fields["indicator"]):
                    yield PiloteValue(
                        fields["indicator"],
                        Territory(fields["territory"]),
                        day,
                        ValueKind.CURRENT,
                        Decimal(fields["value_micros"]) / MICROS,
                    )


def promised_values(catalogue: Catalogue) -> Iterator[PiloteValue]:
    """Yield the baselines and the dated targets of the observed indicators, whatever their day.

    An indicator that several entries take over has the values of the first.
    """
    done = set[str]()
    for indicator in catalogue.indicators:
        name = observed_indicator(indicator.plan)
        if name is not None and is_indicator(name) and name not in done:
            done.add(name)
            yield from _promised(name, indicator)


def _promised(name: str, indicator: Indicator) -> Iterator[PiloteValue]:
    factor = HUNDRED if is_percent(indicator.plan) else 1
    for department in indicator.territories:
        territory = Territory.of(department)
        start = indicator.baseline_for(department)
        if start is not None:
            yield PiloteValue(name, territory, start.day, ValueKind.INITIAL, start.value * factor)
        targets: dict[date, Decimal] = {}
        for milestone in indicator.milestones:
            if milestone.holds(department) and milestone.day and milestone.target is not None:
                targets.setdefault(milestone.day, milestone.target)
        for day, target in targets.items():
            yield PiloteValue(name, territory, day, ValueKind.TARGET, target * factor)
    if (country := indicator.country) is not None:
        territory = Territory.COUNTRY
        if (start := country.baseline) is not None:
            yield PiloteValue(name, territory, start.day, ValueKind.INITIAL, start.value * factor)
        for one in country.targets:
            yield PiloteValue(name, territory, one.day, ValueKind.TARGET, one.target * factor)
