"""The gateway's admission of letters of what it had refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from events.claims import trace_of
from events.dead_letters import GATEWAY, DeadLetter
from events.errors import ContractError, RefusalReason
from events.trace_context import TraceContext
from operations.dead_letters.replay import ReplayDestinations, gateway_rules
from streams.clock import FixedClock
from streams.settings import Settings
from tests.support.facts import encode_binary
from tests.support.letters import letter_of, valid_event
from tests.support.traces import PARENT

RULES = gateway_rules(Settings(), FixedClock(date(2018, 1, 1)))
EVENT = valid_event(source="urn:iledefrance:lycees")
LETTER = letter_of(EVENT, origin=GATEWAY, producer="lycees")


def reason(letter: DeadLetter) -> RefusalReason:
    with pytest.raises(ContractError) as refusal:
        RULES(letter)
    return refusal.value.reason


def test_a_producer_s_own_event_is_admitted() -> None:
    binary = encode_binary(EVENT)

    RULES(LETTER)
    RULES(replace(LETTER, value=binary.value, headers=tuple(binary.headers)))


def test_an_event_with_a_trace_is_replayed_with_it() -> None:
    headers = (*LETTER.headers, *TraceContext(PARENT).headers)

    copy = ReplayDestinations(3, RULES).copy_of(replace(LETTER, headers=headers), attempt=1)

    assert trace_of(copy.headers, None) == TraceContext(PARENT)


@pytest.mark.parametrize("producer", ["formation", "nobody", None])
def test_another_producer_s_event_is_not_admitted(producer: str | None) -> None:
    assert reason(replace(LETTER, producer=producer)) is RefusalReason.NOT_ALLOWED


@pytest.mark.parametrize(("tolerance", "at"), [(None, "00:05:00"), (60, "00:04:00")])
def test_an_event_waits_for_the_time_that_workers_tolerate(tolerance: int | None, at: str) -> None:
    """Otherwise its replay would be refused again."""
    settings = Settings() if tolerance is None else Settings(time_tolerance=tolerance)
    ahead = valid_event(source="urn:iledefrance:lycees", at=f"2018-01-02T{at}")

    with pytest.raises(ContractError) as refusal:
        gateway_rules(settings, FixedClock(date(2018, 1, 1)))(
            letter_of(ahead, origin=GATEWAY, producer="lycees")
        )

    assert refusal.value.reason is RefusalReason.TIME_AHEAD


@pytest.mark.parametrize(
    "value", [b"{", b"\xff", (LETTER.value or b"").replace(b"{", b'{"a":1,"a":2,')]
)
def test_what_is_no_strict_json_is_not_admitted(value: bytes) -> None:
    assert reason(replace(LETTER, value=value)) is RefusalReason.INVALID_JSON


def test_an_event_with_an_unreadable_header_is_not_admitted() -> None:
    """The letter has the header only as it was decoded: the event would be another one."""
    binary = encode_binary(EVENT)
    letter = replace(LETTER, value=binary.value, headers=tuple(binary.headers), field="ce-source")

    assert reason(letter) is RefusalReason.INVALID_ENVELOPE
