"""The door's rules, for letters that come from there."""

from __future__ import annotations

from datetime import date

import pytest

from events.errors import ContractError, RefusalReason
from events.producers.loader import load_producers
from streams.clock import FixedClock
from streams.dead_letter_office.door import DoorRules
from tests.support.letters import valid_event

SOURCE = "urn:iledefrance:lycees"
RULES = DoorRules(load_producers(), FixedClock(date(2018, 1, 1)))


def test_a_producer_s_own_event_passes() -> None:
    """As it would at the door today."""
    RULES(valid_event(source=SOURCE), "lycees")


@pytest.mark.parametrize("producer", ["formation", "nobody", None])
def test_another_s_event_does_not(producer: str | None) -> None:
    """Who sent it decides, not what it says of itself."""
    with pytest.raises(ContractError) as refusal:
        RULES(valid_event(source=SOURCE), producer)

    assert refusal.value.reason is RefusalReason.NOT_ALLOWED


def test_an_event_ahead_of_its_time_waits() -> None:
    """The clock decides."""
    with pytest.raises(ContractError) as refusal:
        RULES(valid_event(source=SOURCE, at="2018-01-02T00:05:00"), "lycees")

    assert refusal.value.reason is RefusalReason.TIME_AHEAD
