"""Which letters a command is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.dead_letters import LetterPosition
from events.registry import FACTS_BY_NAME
from operations.dead_letters.entry import Entry, EntryStatus
from operations.dead_letters.outcome import OutcomeKind
from operations.dead_letters.selection import Selection
from tests.support.letters import REFUSED_AT, letter_of, settled, valid_event

CASE = Entry(letter_of(valid_event(source="urn:iledefrance:lycees:sud"), place=17))
TYPE = FACTS_BY_NAME["school.registered"].TYPE


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"places": frozenset({LetterPosition(0, 17)})}, True),
        ({"places": frozenset({LetterPosition(0, 18)})}, False),
        ({"states": (EntryStatus.WAITING,)}, True),
        ({"states": (EntryStatus.REPLAYED,)}, False),
        ({"reasons": ("invalid_json", "unknown_type")}, True),
        ({"reasons": ("invalid_json",)}, False),
        ({"source": "urn:iledefrance:lycees:sud"}, True),
        ({"source": "urn:iledefrance:lycees"}, True),
        ({"source": "urn:iledefrance:lycees:"}, True),
        ({"source": "urn:iledefrance:lycee"}, False),
        ({"type": "school.registered"}, True),
        ({"type": TYPE}, True),
        ({"type": "school.closed"}, False),
        ({"type": "a.type.that.nobody.knows"}, False),
        ({"since": REFUSED_AT}, True),
        ({"since": REFUSED_AT + timedelta(seconds=1)}, False),
        ({"until": REFUSED_AT}, False),
        ({"until": REFUSED_AT + timedelta(seconds=1)}, True),
        ({"type": "school.registered", "reasons": ("invalid_json",)}, False),
    ],
)
def test_all_conditions_must_hold(conditions: dict[str, Any], holds: bool) -> None:  # noqa: FBT001
    """None is as good as one that holds."""
    assert (CASE in Selection(**conditions)) is holds


def test_a_letter_that_says_nothing_of_itself_is_of_no_source_and_no_type() -> None:
    """It is found by its reason and its time."""
    mute = Entry(letter_of(value=None, headers=()))

    assert mute not in Selection(source="urn:iledefrance:lycees")
    assert mute not in Selection(type="school.registered")
    assert mute in Selection(since=datetime(2019, 1, 1, tzinfo=UTC))


def test_a_settled_letter_is_no_longer_among_the_waiting() -> None:
    """A second replay has nothing to do."""
    assert settled(CASE.letter, OutcomeKind.REPLAYED) not in Selection(
        states=(EntryStatus.WAITING,)
    )
