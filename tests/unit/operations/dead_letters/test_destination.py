"""Where a letter would go now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given

from events.cloudevent import MAX_BYTES, CloudEvent, decode, encode_structured
from events.dead_letters import (
    GATEWAY,
    REPLAY_ATTEMPT,
    REPLAY_OF,
    DeadLetter,
    Part,
    read_dead_letter,
)
from events.errors import ContractError, RefusalReason
from events.partitioning import partition_for
from events.topics import topic_name
from operations.dead_letters.destination import ReplayDestinations
from tests.support.facts import cloud_events
from tests.support.letters import arrived, letter_of, refused, valid_event

PARTITIONS = 6
MARK = ((REPLAY_OF, b"0/17"), (REPLAY_ATTEMPT, b"2"))


def everybody(letter: DeadLetter) -> None:
    """Let every letter pass the gateway."""


def nobody(letter: DeadLetter) -> None:
    """Let no letter pass the gateway."""
    raise ContractError(RefusalReason.NOT_ALLOWED, "source", "/x", f"declare {letter.producer}")


def lost(letter: DeadLetter) -> DeadLetter:
    """Find no record of a letter any more."""
    raise ContractError(RefusalReason.TOO_LARGE, "value", None, f"is gone from {letter.origin}")


#: On a day after every event that is drawn.
WAY_BACK = ReplayDestinations(
    PARTITIONS, everybody, lost, now=lambda: datetime(9999, 1, 1, tzinfo=UTC)
)


@given(event=cloud_events())
def test_a_copy_is_the_record_with_a_mark(event: CloudEvent) -> None:
    """On its event's topic and home partition, whatever topic it was refused on."""
    letter = letter_of(event, place=17)

    copy = WAY_BACK.copy_of(letter, attempt=2)

    assert (copy.key, copy.value) == (letter.key, letter.value)
    assert copy.headers == (*letter.headers, *MARK)
    assert copy.topic == topic_name(event.fact.FAMILY)
    assert copy.partition == partition_for(event.fact.entity_id.encode(), PARTITIONS)


def test_a_copy_that_is_refused_again_tells_the_letter_it_was() -> None:
    """Its headers are the first ones: a mark is replaced, not added to."""
    copy = WAY_BACK.copy_of(letter_of(place=17), attempt=2)
    again = read_dead_letter(arrived([refused(value=copy.value, headers=copy.headers)])[0])

    third = WAY_BACK.copy_of(again, attempt=again.attempts + 1)

    assert (again.replay_of, again.attempts) == ((0, 17), 2)
    assert third.headers == (*letter_of().headers, (REPLAY_OF, b"0/0"), (REPLAY_ATTEMPT, b"3"))


@pytest.mark.parametrize("key", [None, b"another"])
def test_a_record_keeps_its_key_or_gets_its_entity_s(key: bytes | None) -> None:
    """The partition is its entity's in both cases."""
    event = valid_event()

    copy = WAY_BACK.copy_of(letter_of(event, key=key), attempt=1)

    assert copy.key == (key or event.fact.entity_id.encode())
    assert copy.partition == partition_for(event.fact.entity_id.encode(), PARTITIONS)


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"specversion":"1.0"}'])
def test_what_is_invalid_still_goes_nowhere(value: bytes | None) -> None:
    """The reason is today's."""
    with pytest.raises(ContractError):
        WAY_BACK.copy_of(letter_of(value=value), attempt=1)


def test_a_record_that_the_mark_makes_too_large_goes_nowhere() -> None:
    """A worker would refuse it with the mark: it is refused here, and not sent."""
    record = encode_structured(valid_event())
    room = (
        MAX_BYTES - len(record.value) - sum(len(name) + len(said) for name, said in record.headers)
    )
    letter = letter_of(value=record.value + b" " * room, headers=tuple(record.headers))
    decode(letter.headers, letter.value)

    with pytest.raises(ContractError) as refusal:
        WAY_BACK.copy_of(letter, attempt=1)

    assert refusal.value.reason is RefusalReason.TOO_LARGE


def test_a_letter_of_the_gateway_must_pass_the_gateway() -> None:
    """A replay is no way around it; what was on a topic already is not asked again."""
    guarded = ReplayDestinations(PARTITIONS, nobody, lost)

    with pytest.raises(ContractError, match="declare lycees"):
        guarded.copy_of(letter_of(origin=GATEWAY, producer="lycees"), attempt=1)
    assert guarded.copy_of(letter_of(), attempt=1)


def test_a_letter_that_keeps_a_part_is_sent_whole() -> None:
    """As the record was where it lies; the letter's own place stays its name."""
    whole = letter_of(place=17)
    shortened = replace(
        whole, value=(whole.value or b"")[:10], shortened={"value": Part(1000, "5e1f")}
    )
    guided = ReplayDestinations(PARTITIONS, everybody, lambda _: whole)

    assert guided.copy_of(shortened, attempt=1) == WAY_BACK.copy_of(whole, attempt=1)


def test_a_part_is_never_sent() -> None:
    """Where the whole is nowhere, that is the reason."""
    with pytest.raises(ContractError, match="is gone from"):
        WAY_BACK.copy_of(letter_of(shortened={"key": Part(1000, "5e1f")}), attempt=1)


def test_a_letter_of_the_future_waits_until_its_time_has_come() -> None:
    """Where it would be refused again it is not sent; the bound is about the broker's clock."""
    letter = letter_of(valid_event(at="2018-01-02T02:00:00"))
    early = replace(WAY_BACK, now=lambda: datetime(2018, 1, 2, 0, 59, tzinfo=UTC))
    in_time = replace(WAY_BACK, now=lambda: datetime(2018, 1, 2, 1, 0, tzinfo=UTC))

    with pytest.raises(ContractError, match="time: is later than the broker's clock"):
        early.copy_of(letter, attempt=1)
    assert in_time.copy_of(letter, attempt=1).value == letter.value
