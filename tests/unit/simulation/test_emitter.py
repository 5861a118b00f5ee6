"""Outboxes: what is recorded, when it leaves, and what may not outlive the last day."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from events.cloudevent import decode_json
from events.fact import Family
from events.school import SchoolConnected
from simulation.emitter import Emitter, RecordKind
from simulation.period import FIRST_DAY, LAST_DAY

CONNECTED = SchoolConnected(uai="0750001U", connected_on=date(2015, 11, 2), downlink_mbps=300)
WRONG = CONNECTED.model_copy(update={"downlink_mbps": 3000})


def emitter(first: date = FIRST_DAY, last: date = LAST_DAY) -> Emitter:
    return Emitter(1, Family.SCHOOLS, "lycees", first=first, last=last)


def test_what_happened_before_is_loaded_on_the_first_day() -> None:
    box = emitter()
    box.send(CONNECTED, CONNECTED.connected_on, punctual=True)
    assert box.records[0].day == FIRST_DAY


def test_ids_do_not_depend_on_the_window() -> None:
    days = [date(2016, 5, 1) + timedelta(days=n) for n in range(200)]
    whole, part = emitter(), emitter(first=date(2016, 7, 1), last=date(2016, 8, 1))
    for box in (whole, part):
        for day in days:
            box.send(CONNECTED, day)
    expected = [r for r in whole.records if date(2016, 7, 1) <= r.day <= date(2016, 8, 1)]
    assert part.records == expected


def test_a_correction_follows_what_it_corrects() -> None:
    box = emitter()
    box.correct(WRONG, CONNECTED, date(2017, 3, 1))
    events = [decode_json(record.line) for record in box.records]
    assert [event.fact for event in events] == [WRONG, CONNECTED]
    assert events[1].time - events[0].time > timedelta(days=1)


def test_some_corrections_overtake_what_they_correct() -> None:
    box = emitter()
    for _ in range(200):
        box.correct(WRONG, CONNECTED, date(2017, 3, 1))
    delayed = [record for record in box.records if record.kind is RecordKind.DELAYED]
    assert 5 < len(delayed) < 40
    assert all(decode_json(record.line).fact == WRONG for record in delayed)
    first_right = min(r.sent for r in box.records if r.kind is RecordKind.CORRECTION)
    assert all(record.sent > first_right for record in delayed)


def test_what_could_not_be_corrected_in_time_is_right_at_once() -> None:
    box = emitter()
    box.correct(WRONG, CONNECTED, LAST_DAY)
    assert [decode_json(record.line).fact for record in box.records] == [CONNECTED]


def test_what_could_not_be_retracted_in_time_is_never_sent() -> None:
    box = emitter()
    box.retract(CONNECTED, LAST_DAY)
    assert box.records == []


def test_nothing_is_late_or_delayed_beyond_the_last_day() -> None:
    box = emitter()
    for _ in range(2000):
        box.send(CONNECTED, LAST_DAY)
    kinds = [record.kind for record in box.records]
    assert kinds.count(RecordKind.REGULAR) == 2000
    assert set(kinds) == {RecordKind.REGULAR, RecordKind.DUPLICATE}


def test_a_punctual_fact_is_never_late_or_delayed() -> None:
    box = emitter()
    for _ in range(2000):
        box.send(CONNECTED, date(2017, 1, 2), punctual=True)
    assert {record.kind for record in box.records} == {RecordKind.REGULAR, RecordKind.DUPLICATE}


@pytest.mark.parametrize("flaw", [str.upper, lambda line: line[:10]])
def test_a_spoilt_line_is_what_the_flaw_makes_of_it(flaw: object) -> None:
    assert callable(flaw)
    good, bad = emitter(), emitter()
    good.spoil(CONNECTED, date(2017, 1, 2), str)
    bad.spoil(CONNECTED, date(2017, 1, 2), flaw)
    assert json.loads(good.records[0].line)["data"]["uai"] == CONNECTED.uai
    assert bad.records[0].line == flaw(good.records[0].line)
    assert (bad.records[0].kind, bad.records[0].key) == (RecordKind.INVALID, CONNECTED.uai)
