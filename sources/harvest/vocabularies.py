"""Themes, licences and frequencies: from the words of portals to the codes of the contract.

Portals write them as addresses of the EU's authority tables, as codes, or as French or English
words; `vocabularies.yaml` has what they mean.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, Literal

from events.dataset import Licence, Theme, UpdateFrequency
from events.document import data_beside

NOT_OPEN: Final = "not_open"
"""In place of a licence: it forbids commercial use or changes."""

_LONGEST: Final = 2000
"""Characters of a portal's word that are read: a licence may be a whole sentence, or an address."""
_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]+")


def plain(text: str) -> str:
    """Return a text in small letters and digits, without accents, single spaces between words.

    Only the beginning of a long text is read: sorting accents in a row takes the square of their
    number.
    """
    begin = text[:_LONGEST].casefold()
    bare = unicodedata.normalize("NFKD", begin).encode("ascii", "ignore").decode()
    return _NOT_A_LETTER.sub(" ", bare).strip()


def theme_of(texts: Iterable[str], own: Mapping[str, Theme]) -> Theme | None:
    """Return the theme of the first text that has one; None where none has."""
    for text in texts:
        word = plain(text)
        last = plain(text.rstrip("/").rpartition("/")[2])
        # Only the last part of an address is a theme: its host may be a region's.
        found = (
            own.get(word)
            or _meanings("eu_themes").get(last)
            or _begun(last if "://" in text else word, "themes")
        )
        if found is not None:
            return Theme(found)
    return None


def licence_of(
    texts: Iterable[str], own: Mapping[str, Licence]
) -> Licence | Literal["not_open"] | None:
    """Return the licence of the first text that names one, or NOT_OPEN; None where none does."""
    for text in texts:
        word = plain(text)
        found = own.get(word) or _begun(word, "licences")
        if found is not None:
            return NOT_OPEN if found == NOT_OPEN else Licence(found)
    return None


def frequency_of(text: str) -> UpdateFrequency:
    """Return how often a dataset is promised to be updated; irregular where nothing is promised."""
    last = re.split(r"[/#]", text.rstrip("/"))[-1]
    named = plain(last.removeprefix("R/"))
    return UpdateFrequency(_meanings("frequencies").get(named, UpdateFrequency.IRREGULAR))


@cache
def _meanings(table: str) -> Mapping[str, str]:
    """Return the code of each word of a table, in the table's order."""
    codes = data_beside(__file__)[table]
    return {str(word): code for code, words in codes.items() for word in words}


def _begun(words: str, table: str) -> str | None:
    """Return the code of the first entry that a word begins with; None where none does."""
    spaced = f" {words} "
    return next((code for part, code in _meanings(table).items() if f" {part}" in spaced), None)
