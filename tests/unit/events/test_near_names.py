"""The nearest of the known names, in a bounded time."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import near_names
from events.near_names import near_name
from events.registry import FACTS_BY_NAME

LEAST = 0.7
WORDS = st.text(alphabet="abcde._", min_size=1, max_size=12)


@pytest.mark.parametrize("name", FACTS_BY_NAME)
def test_a_name_with_one_letter_too_few_or_too_many_is_found(name: str) -> None:
    """Whichever it is, and among all the others."""
    for place in range(len(name)):
        for mistaken in (name[:place] + name[place + 1 :], f"{name[:place]}x{name[place:]}"):
            assert near_name(mistaken, FACTS_BY_NAME, least=LEAST) == name


@given(written=WORDS, known=st.lists(WORDS, max_size=3, unique=True))
def test_of_a_few_names_it_is_the_most_alike(written: str, known: list[str]) -> None:
    """As difflib has it, which compares all in full."""
    likeness = {one: SequenceMatcher(None, one, written).ratio() for one in known}
    enough = {one: ratio for one, ratio in likeness.items() if ratio >= LEAST}

    found = near_name(written, known, least=LEAST)

    assert (found is None) == (not enough)
    assert found is None or enough[found] == max(enough.values())


def test_few_names_are_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many have the same letters: a comparison takes the worker's loop 20 microseconds."""
    compared: list[str] = []

    class Counted(SequenceMatcher[str]):
        def set_seq1(self, a: Sequence[str]) -> None:
            compared.append("".join(a))
            super().set_seq1(a)

    monkeypatch.setattr(near_names, "SequenceMatcher", Counted)
    name = "downlink_mbps"
    turned = {name[place:] + name[:place] for place in range(1, len(name))}
    near_name(name[::-1], turned, least=LEAST)

    assert len([one for one in compared if one]) <= 3
