"""The simulation as a whole: repeatable, in order, whole or in parts, as faulty as declared."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from importlib import import_module
from pkgutil import iter_modules

import pytest

import simulation
from events.registry import FACTS
from simulation.emitter import RecordKind, SimulatedRecord
from simulation.simulator import simulate
from simulation.times import FIRST_DAY, LAST_DAY
from tests.support.simulated import Story

DIGEST_OF_A_MONTH = """
import hashlib
from datetime import date
from simulation.simulator import simulate
records = simulate(2016, date(2018, 3, 1), date(2018, 3, 31))
print(hashlib.sha256("".join(record.line for record in records).encode()).hexdigest())
"""


def digest(records: Iterable[SimulatedRecord]) -> str:
    return hashlib.sha256("".join(record.line for record in records).encode()).hexdigest()


@pytest.mark.slow
def test_a_seed_gives_the_same_bytes_in_another_process(story: Story) -> None:
    month = (r for r in story.records if (r.day.year, r.day.month) == (2018, 3))
    found = subprocess.run(
        [sys.executable, "-c", DIGEST_OF_A_MONTH],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert found.stdout.strip() == digest(month)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (FIRST_DAY, FIRST_DAY),
        (date(2018, 8, 20), date(2019, 2, 3)),
        (date(2020, 12, 1), date(2021, 6, 30)),
        (date(2012, 1, 1), date(2016, 2, 29)),
    ],
)
def test_a_range_gives_the_records_of_its_days(story: Story, start: date, end: date) -> None:
    expected = [record for record in story.records if start <= record.day <= end]
    assert list(simulate(2016, start, end)) == expected


def test_records_come_in_the_order_of_sending(story: Story) -> None:
    sent = [record.sent for record in story.records]
    assert sent == sorted(sent)
    assert story.records[0].day == FIRST_DAY
    assert story.records[-1].day == LAST_DAY


def test_every_fact_is_emitted(story: Story) -> None:
    modules = [import_module(f"simulation.{one.name}") for one in iter_modules(simulation.__path__)]
    made = {fact.TYPE for fact in FACTS.values() for one in modules if fact in vars(one).values()}
    assert {event.type for _, event in story.events} == made


def test_records_carry_the_family_and_key_of_their_event(story: Story) -> None:
    assert all(
        (record.family, record.key) == (event.fact.FAMILY, event.fact.entity_id)
        for record, event in story.events
    )


def test_only_declared_duplicates_repeat_a_source_and_id(story: Story) -> None:
    seen: dict[tuple[str, str], str] = {}
    for record, event in story.events:
        identity = (event.source, event.id)
        if record.kind is RecordKind.DUPLICATE:
            assert seen[identity] == record.line
        else:
            assert identity not in seen
        seen[identity] = record.line


@pytest.mark.parametrize("kind", [RecordKind.CORRECTION, RecordKind.RETRACTION])
def test_what_changes_a_fact_is_recorded_after_it(story: Story, kind: RecordKind) -> None:
    times: dict[tuple[str, str, date], list[datetime]] = defaultdict(list)
    changes: list[tuple[tuple[str, str, date], datetime]] = []
    for record, event in story.events:
        cell = (event.fact.entity_id, event.type, event.fact.effective_day)
        if record.kind is kind:
            changes.append((cell, event.time))
        else:
            times[cell].append(event.time)
    assert len(changes) > 50
    assert all(min(times[cell]) < changed for cell, changed in changes)


def test_late_records_take_effect_weeks_before_they_are_recorded(story: Story) -> None:
    late = [event for record, event in story.events if record.kind is RecordKind.LATE]
    assert len(late) > 500
    assert all(event.time.date() - event.fact.effective_day >= timedelta(days=21) for event in late)


def test_delayed_records_leave_days_after_they_were_recorded(story: Story) -> None:
    waits: dict[RecordKind, list[timedelta]] = defaultdict(list)
    for record, event in story.events:
        waits[record.kind].append(record.sent - event.time)
    assert len(waits[RecordKind.DELAYED]) > 100
    assert min(waits[RecordKind.DELAYED]) >= timedelta(days=1)
    assert set(waits[RecordKind.REGULAR]) == {timedelta()}
