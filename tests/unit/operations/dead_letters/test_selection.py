"""The filter of the commands on dead letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from boundary.errors import SmartRegionError
from events.dead_letters import LetterPosition
from events.registry import FACTS_BY_NAME
from operations.dead_letters.entry import Entry, EntryStatus, Selection
from operations.dead_letters.outcome import OutcomeKind
from tests.support.letters import REFUSED_AT, entry_with_outcome, letter_of, valid_event

ENTRY = Entry(letter_of(valid_event(source="urn:iledefrance:lycees:sud"), position=17))
TYPE = FACTS_BY_NAME["school.registered"].TYPE


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"positions": frozenset({LetterPosition(0, 17)})}, True),
        ({"positions": frozenset({LetterPosition(0, 18)})}, False),
        ({"statuses": (EntryStatus.WAITING,)}, True),
        ({"statuses": (EntryStatus.REPLAYED,)}, False),
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
def test_all_conditions_must_hold(conditions: dict[str, Any], *, holds: bool) -> None:
    assert (ENTRY in Selection(**conditions)) is holds


def test_a_type_that_a_producer_misspelt_is_found() -> None:
    """It is the reason why the letter is there."""
    letter = Entry(letter_of(value=b'{"type": "school.conected"}'))
    selection = Selection(type="school.conected")

    assert list(selection.selected([ENTRY, letter])) == [letter]
    with pytest.raises(SmartRegionError, match=r"write 'school\.connected'"):
        list(selection.selected([ENTRY]))


def test_a_record_without_attributes_has_no_source_and_no_type() -> None:
    bare = Entry(letter_of(value=None, headers=()))

    assert bare not in Selection(source="urn:iledefrance:lycees")
    assert bare not in Selection(type="school.registered")
    assert bare in Selection(since=datetime(2019, 1, 1, tzinfo=UTC))


def test_a_replayed_letter_is_no_longer_waiting() -> None:
    assert entry_with_outcome(ENTRY.letter, OutcomeKind.REPLAYED) not in Selection(
        statuses=(EntryStatus.WAITING,)
    )
