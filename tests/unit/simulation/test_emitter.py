"""Outboxes: what is recorded, when it leaves, and what may not outlive the last day."""

from __future__ import annotations

from datetime import date, timedelta

from events.cloudevent import decode_json
from events.fact import Family
from events.school import SchoolConnected
from simulation.emitter import Emitter, RecordKind
from simulation.times import FIRST_DAY, LAST_DAY

CONNECTED = SchoolConnected(uai="0750001U", connected_on=date(2015, 11, 2), downlink_mbps=300)
WRONGLY = {"downlink_mbps": 3000}


def emitter(first: date = FIRST_DAY, last: date = LAST_DAY) -> Emitter:
    return Emitter(1, Family.SCHOOLS, "lycees", first=first, last=last)


def test_ids_do_not_depend_on_the_window() -> None:
    days = [date(2016, 5, 1) + timedelta(days=n) for n in range(200)]
    whole, part = emitter(), emitter(first=date(2016, 7, 1), last=date(2016, 8, 1))
    for box in (whole, part):
        for day in days:
            box.send(CONNECTED, day)
    expected = [r for r in whole.records if date(2016, 7, 1) <= r.day <= date(2016, 8, 1)]
    assert part.records == expected


def test_some_corrections_overtake_what_they_correct() -> None:
    box = emitter()
    for _ in range(200):
        box.send(CONNECTED, date(2017, 3, 1), wrongly=WRONGLY)
    delayed = [record for record in box.records if record.kind is RecordKind.DELAYED]
    assert 5 < len(delayed) < 40
    assert all(
        decode_json(record.line).fact == CONNECTED.model_copy(update=WRONGLY) for record in delayed
    )
    first_right = min(r.sent for r in box.records if r.kind is RecordKind.CORRECTION)
    assert all(record.sent > first_right for record in delayed)


def test_what_could_not_be_corrected_in_time_is_right_at_once() -> None:
    box = emitter()
    box.send(CONNECTED, LAST_DAY, wrongly=WRONGLY)
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
