"""Datasets: released theme by theme, updated at their frequency, some forgotten or withdrawn.

Their data are probed, and are sometimes not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from events.dataset import (
    DatasetProbed,
    DatasetReleased,
    DatasetUpdated,
    DatasetWithdrawn,
    DataState,
    Theme,
    UpdateFrequency,
)
from events.frequency import Frequency
from simulation.chance import day_between, days_after, one_of
from simulation.emitter import Emitter
from simulation.figures import region_figures
from simulation.times import FIRST_DAY, LAST_DAY, Curve, working_day
from simulation.world import World

RELEASED = Curve.yearly(0.12, 0.28, 0.47, 0.66, 0.84, 1.0)
"""Share of all of them released."""

WITHDRAWN = 6
WITHDRAWN_BETWEEN = (date(2018, 1, 8), date(2020, 11, 30))

SKIPPED_SHARE = 0.04
"""Updates that are not made, the next one being in time again."""

FORGOTTEN_SHARE = 0.10
FORGOTTEN_SINCE = date(2018, 7, 1)
"""Datasets that are not updated any more from some day on."""

PROBE_GRACE_DAYS = 7
AWAY_SHARE = 0.06
"""Datasets whose data are not to be had for some time."""
AWAY_DAYS = (9, 60)

PUT_OFF_SHARE = 0.004


def simulate_datasets(_world: World, chance: Random, emitter: Emitter) -> None:
    """Emit every dataset's release, updates and withdrawal, then what was found of its data."""
    probed: list[tuple[DatasetReleased, list[date], date]] = []
    datasets = region_figures().datasets.items()
    frequencies = [frequency for frequency, one in datasets for _ in range(one.number)]
    chance.shuffle(frequencies)
    # Only what is already there by then can be withdrawn.
    withdrawn = set(chance.sample(range(len(frequencies) // 4), WITHDRAWN))
    for number, frequency in enumerate(frequencies):
        reached = RELEASED.day_reaching((number + 0.5) / len(frequencies)) or LAST_DAY
        released = _release(number, working_day(reached), frequency, chance)
        emitter.report(released, chance, {"theme": Theme.ADMINISTRATION})
        ends_on = day_between(chance, *WITHDRAWN_BETWEEN) if number in withdrawn else None
        days = _update(released, ends_on, chance, emitter)
        probed.append((released, days, ends_on or LAST_DAY + timedelta(days=1)))
        if ends_on is not None:
            gone = DatasetWithdrawn(dataset_id=released.dataset_id, withdrawn_on=ends_on)
            emitter.send(gone, ends_on, punctual=True)
    # After all of them: who probes takes no chance away from who publishes.
    for dataset, days, end in probed:
        _probe(dataset, days, end, chance, emitter)


def _release(number: int, day: date, frequency: UpdateFrequency, chance: Random) -> DatasetReleased:
    region = region_figures()
    theme = one_of(chance, {theme: one.share for theme, one in region.themes.items()})
    return DatasetReleased(
        dataset_id=f"idf-{number + 1:04d}",
        released_on=day,
        title=f"{chance.choice(region.themes[theme].titles)} ({number + 1})",
        theme=theme,
        publisher=chance.choice(region.publishers),
        licence=one_of(chance, region.licences),
        update_frequency=frequency,
    )


def _update(
    released: DatasetReleased, ends_on: date | None, chance: Random, emitter: Emitter
) -> list[date]:
    """Emit the updates, and return their days."""
    until = (ends_on or LAST_DAY + timedelta(days=1)) - timedelta(days=1)
    if chance.random() < FORGOTTEN_SHARE:
        until = min(until, day_between(chance, FORGOTTEN_SINCE, LAST_DAY))
    days = list(_update_days(released, until, chance))
    # The initial load holds the last update before the first day only.
    earlier = sum(day < FIRST_DAY for day in days)
    for day in days[max(0, earlier - 1) :]:
        updated = DatasetUpdated(dataset_id=released.dataset_id, updated_on=day)
        recorded = min(LAST_DAY, emitter.recorded(chance, day))
        emitter.send(updated, recorded)
        put_off = chance.random() < PUT_OFF_SHARE
        # Announced for the next day, which must not be that of a real update.
        if put_off and released.update_frequency is not UpdateFrequency.DAILY:
            tomorrow = {"updated_on": day + timedelta(days=1)}
            emitter.retract(updated.model_copy(update=tomorrow), recorded)
    return days


def _probe(
    released: DatasetReleased, days: list[date], end: date, chance: Random, emitter: Emitter
) -> None:
    """Emit each change of what is found of a dataset's data, the day after it, until `end`."""
    changes = [released.released_on, *days]
    away_from = day_between(chance, changes[0], LAST_DAY)
    back_on = days_after(chance, away_from, *AWAY_DAYS)
    is_away = chance.random() < AWAY_SHARE
    longest = Frequency(released.update_frequency).days
    turns = set(changes)
    if longest is not None:
        turns |= {day + timedelta(days=longest + PROBE_GRACE_DAYS + 1) for day in changes}
    turns |= {away_from, back_on} if is_away else set()
    last: DataState | None = None
    for day in sorted(turns):
        found_on = max(day + timedelta(days=1), FIRST_DAY)
        unchanged = (found_on - max(change for change in changes if change <= day)).days
        is_stale = longest is not None and unchanged > longest + PROBE_GRACE_DAYS
        state = DataState.STALE if is_stale else DataState.CURRENT
        if is_away and away_from <= day < back_on:
            state = DataState.UNAVAILABLE
        if state is last or found_on >= end:
            continue
        last = state
        probe = DatasetProbed(
            dataset_id=released.dataset_id,
            probed_on=found_on,
            data_state=state,
            distributions=1,
            failing_distributions=int(state is DataState.UNAVAILABLE),
            unchanged_days=unchanged,
        )
        emitter.send(probe, found_on, punctual=True)


def _update_days(released: DatasetReleased, until: date, chance: Random) -> Iterator[date]:
    fewest, most = region_figures().datasets[released.update_frequency].days_between
    day = days_after(chance, released.released_on, fewest, most)
    while day <= until:
        if chance.random() >= SKIPPED_SHARE:
            yield day
        day = days_after(chance, day, fewest, most)
