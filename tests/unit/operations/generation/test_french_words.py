"""That what was added has its French words."""

from __future__ import annotations

import pytest

from events.fact import Family
from events.registry import FACTS_BY_NAME
from operations.generation.french_words import MissingWordsError, check_words


def test_families_and_facts_have_their_words() -> None:
    """Those of this release."""
    check_words(Family, FACTS_BY_NAME)


def test_what_lacks_a_word_is_named_with_its_place() -> None:
    """It was a KeyError of `generate`, and of the page once an event of it was looked at."""
    with pytest.raises(MissingWordsError) as refusal:
        check_words(["libraries"], ["library.opened"])
    assert str(refusal.value) == (
        "French words: are missing, value libraries in ENTITIES of report/words.py, libraries in"
        " FAMILIES of operations/generation/security_page.py, library.opened in FACTS of"
        " report/words.py: write each there"
    )
