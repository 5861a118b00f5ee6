"""Whether all that the delegate reads by name has a French word: families and facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from boundary.errors import SmartRegionError
from operations.generation.security_page import FAMILIES
from report.words import ENTITIES, FACTS

_ENTITIES_PLACE = "ENTITIES of report/words.py"
_FACTS_PLACE = "FACTS of report/words.py"
_FAMILIES_PLACE = "FAMILIES of operations/generation/security_page.py"


class MissingWordsError(SmartRegionError):
    """Families or facts have no French word where one is needed: those who added them forgot."""

    def __init__(self, missing: Iterable[tuple[str, str]]) -> None:
        named = ", ".join(f"{name} in {place}" for name, place in missing)
        super().__init__(f"French words: are missing, value {named}: write each there")


def check_words(families: Iterable[str], facts: Iterable[str]) -> None:
    """Raise MissingWordsError where a family or a fact has no word: a page would fail on it."""
    if missing := list(_missing(tuple(families), facts)):
        raise MissingWordsError(missing)


def _missing(families: Iterable[str], facts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for words, place in ((ENTITIES, _ENTITIES_PLACE), (FAMILIES, _FAMILIES_PLACE)):
        yield from ((family, place) for family in families if family not in words)
    yield from ((fact, _FACTS_PLACE) for fact in facts if fact not in FACTS)
