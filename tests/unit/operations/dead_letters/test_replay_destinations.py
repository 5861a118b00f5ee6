"""The record of a replay, and its destination."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given

from events.cloudevent import MAX_BYTES, CloudEvent, decode, encode_structured
from events.dead_letters import GATEWAY, REPLAY_ATTEMPT, REPLAY_OF, DeadLetter, read_dead_letter
from events.errors import ContractError, RefusalReason
from events.partitioning import partition_for
from events.topics import topic_name
from operations.dead_letters.replay import ReplayDestinations
from tests.support.facts import cloud_events
from tests.support.letters import arrived, letter_of, refused, valid_event

PARTITIONS = 6
REPLAY_HEADERS = ((REPLAY_OF, b"0/17"), (REPLAY_ATTEMPT, b"2"))


def admit(letter: DeadLetter) -> None:
    """Admit every letter."""


def reject(letter: DeadLetter) -> None:
    raise ContractError(RefusalReason.NOT_ALLOWED, "source", "/x", f"declare {letter.producer}")


#: Its clock is later than every event that is drawn.
DESTINATIONS = ReplayDestinations(PARTITIONS, admit, now=lambda: datetime(9999, 1, 1, tzinfo=UTC))


@given(event=cloud_events())
def test_a_replay_is_the_record_with_two_more_headers(event: CloudEvent) -> None:
    letter = letter_of(event, position=17)

    copy = DESTINATIONS.copy_of(letter, attempt=2)

    assert (copy.key, copy.value) == (letter.key, letter.value)
    assert copy.headers == (*letter.headers, *REPLAY_HEADERS)
    assert copy.topic == topic_name(event.fact.FAMILY)
    assert copy.partition == partition_for(event.fact.entity_id.encode(), PARTITIONS)


def test_the_letter_of_a_replay_has_the_position_of_the_letter_before() -> None:
    copy = DESTINATIONS.copy_of(letter_of(position=17), attempt=2)
    again = read_dead_letter(arrived([refused(value=copy.value, headers=copy.headers)])[0])

    third = DESTINATIONS.copy_of(again, attempt=again.attempts + 1)

    assert (again.replay_of, again.attempts) == ((0, 17), 2)
    assert third.headers == (*letter_of().headers, (REPLAY_OF, b"0/0"), (REPLAY_ATTEMPT, b"3"))


@pytest.mark.parametrize("key", [None, b"another"])
def test_a_record_keeps_its_key_or_gets_its_entity_s(key: bytes | None) -> None:
    event = valid_event()

    copy = DESTINATIONS.copy_of(letter_of(event, key=key), attempt=1)

    assert copy.key == (key or event.fact.entity_id.encode())
    assert copy.partition == partition_for(event.fact.entity_id.encode(), PARTITIONS)


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"specversion":"1.0"}'])
def test_what_is_still_invalid_is_not_sent(value: bytes | None) -> None:
    with pytest.raises(ContractError):
        DESTINATIONS.copy_of(letter_of(value=value), attempt=1)


def test_a_record_that_the_headers_make_too_large_is_not_sent() -> None:
    """A worker would refuse it with the headers of a replay."""
    record = encode_structured(valid_event())
    room = (
        MAX_BYTES
        - len(record.value)
        - sum(len(name) + len(value) for name, value in record.headers)
    )
    letter = letter_of(value=record.value + b" " * room, headers=tuple(record.headers))
    decode(letter.headers, letter.value)

    with pytest.raises(ContractError) as refusal:
        DESTINATIONS.copy_of(letter, attempt=1)

    assert refusal.value.reason is RefusalReason.TOO_LARGE


def test_a_letter_of_the_gateway_must_be_admitted() -> None:
    guarded = ReplayDestinations(PARTITIONS, reject)

    with pytest.raises(ContractError, match="declare lycees"):
        guarded.copy_of(letter_of(origin=GATEWAY, producer="lycees"), attempt=1)
    assert guarded.copy_of(letter_of(), attempt=1)


def test_a_letter_of_the_future_waits_until_its_time_has_come() -> None:
    letter = letter_of(valid_event(at="2018-01-02T02:00:00"))
    early = replace(DESTINATIONS, now=lambda: datetime(2018, 1, 2, 0, 59, tzinfo=UTC))
    in_time = replace(DESTINATIONS, now=lambda: datetime(2018, 1, 2, 1, 0, tzinfo=UTC))

    with pytest.raises(ContractError, match="time: is later than the broker's clock"):
        early.copy_of(letter, attempt=1)
    assert in_time.copy_of(letter, attempt=1).value == letter.value
