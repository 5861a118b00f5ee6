"""Themes, licences and frequencies: from the words of portals to the codes of the contract.

Portals write them as addresses of the EU's authority tables, as codes, or as French or English
words. https://op.europa.eu/en/web/eu-vocabularies has the tables data-theme and frequency.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeVar

from events.dataset import Licence, Theme, UpdateFrequency

Part = TypeVar("Part")
NOT_OPEN: Final = "not_open"
"""In the place of a licence: it forbids commercial use, or changes."""

_THEMES_OF_EUROPE: Final[Mapping[str, Theme]] = {
    "agri": Theme.ECONOMY,
    "econ": Theme.ECONOMY,
    "educ": Theme.EDUCATION,
    "ener": Theme.ENVIRONMENT,
    "envi": Theme.ENVIRONMENT,
    "gove": Theme.ADMINISTRATION,
    "intr": Theme.ADMINISTRATION,
    "just": Theme.ADMINISTRATION,
    "regi": Theme.TERRITORY,
    "soci": Theme.TERRITORY,
    "tech": Theme.ECONOMY,
    "tran": Theme.TRANSPORT,
}
# What words of a theme begin with; the first of them that is there decides: "transports et
# environnement" is of transport. Within a word they mean something else: agriculture, information.
_PARTS_OF_THEMES: Final[Mapping[str, Theme]] = {
    "transport": Theme.TRANSPORT,
    "mobilit": Theme.TRANSPORT,
    "deplacement": Theme.TRANSPORT,
    "educat": Theme.EDUCATION,
    "enseignement": Theme.EDUCATION,
    "formation": Theme.EDUCATION,
    "lycee": Theme.EDUCATION,
    "cultur": Theme.CULTURE,
    "patrimoine": Theme.CULTURE,
    "tourisme": Theme.CULTURE,
    "loisir": Theme.CULTURE,
    "sport": Theme.CULTURE,
    "environnement": Theme.ENVIRONMENT,
    "environment": Theme.ENVIRONMENT,
    "energie": Theme.ENVIRONMENT,
    "energy": Theme.ENVIRONMENT,
    "ecologi": Theme.ENVIRONMENT,
    "econom": Theme.ECONOMY,
    "emploi": Theme.ECONOMY,
    "entreprise": Theme.ECONOMY,
    "recherche": Theme.ECONOMY,
    "agricultur": Theme.ECONOMY,
    "amenagement": Theme.TERRITORY,
    "territoire": Theme.TERRITORY,
    "urbanisme": Theme.TERRITORY,
    "logement": Theme.TERRITORY,
    "habitat": Theme.TERRITORY,
    "population": Theme.TERRITORY,
    "region": Theme.TERRITORY,
    "administration": Theme.ADMINISTRATION,
    "gouvernement": Theme.ADMINISTRATION,
    "government": Theme.ADMINISTRATION,
    "finances": Theme.ADMINISTRATION,
    "citoyen": Theme.ADMINISTRATION,
    "justice": Theme.ADMINISTRATION,
}
# What words of a licence begin with, in the order in which they are looked for.
_PARTS_OF_LICENCES: Final[Mapping[str, Licence | Literal["not_open"]]] = {
    "by nc": NOT_OPEN,
    "by nd": NOT_OPEN,
    "noncommercial": NOT_OPEN,
    "non commercial": NOT_OPEN,
    "noderivat": NOT_OPEN,
    "pas d utilisation commerciale": NOT_OPEN,
    "pas dutilisation commerciale": NOT_OPEN,
    "pas de modification": NOT_OPEN,
    "odbl": Licence.ODBL,
    "open database licen": Licence.ODBL,
    "licence ouverte": Licence.OPEN_LICENCE,
    "open licence": Licence.OPEN_LICENCE,
    "etalab": Licence.OPEN_LICENCE,
    "fr lo ": Licence.OPEN_LICENCE,  # All of the code: an address has them of fr/logement too.
    "lov2": Licence.OPEN_LICENCE,
    "lov1": Licence.OPEN_LICENCE,
    "creativecommons org licenses by": Licence.OTHER_OPEN,
    "creativecommons org publicdomain": Licence.OTHER_OPEN,
    "cc by": Licence.OTHER_OPEN,
    "cc zero": Licence.OTHER_OPEN,
    "cc0": Licence.OTHER_OPEN,
    "public domain": Licence.OTHER_OPEN,
    "domaine public": Licence.OTHER_OPEN,
    "odc by": Licence.OTHER_OPEN,
    "opendatacommons org licenses by": Licence.OTHER_OPEN,
    "pddl": Licence.OTHER_OPEN,
}
# A frequency without a code of ours is the next longer one: nobody is held to more than they said.
_FREQUENCIES: Final[Mapping[str, UpdateFrequency]] = {
    **dict.fromkeys(
        (
            *("cont", "continuous", "update cont", "1min", "5min", "10min", "15min", "30min"),
            *("hourly", "bihourly", "trihourly", "12hrs", "daily", "daily 2", "pt1h", "p1d"),
            *("quotidienne", "quotidien", "temps reel", "real time", "continue", "horaire"),
            *("tous les jours", "journaliere"),
        ),
        UpdateFrequency.DAILY,
    ),
    **dict.fromkeys(
        (
            *("weekly", "weekly 2", "weekly 3", "weekly 5", "semiweekly", "threetimesaweek"),
            *("p1w", "p7d", "hebdomadaire", "bihebdomadaire"),
        ),
        UpdateFrequency.WEEKLY,
    ),
    **dict.fromkeys(
        (
            *("biweekly", "p2w", "p14d", "monthly", "monthly 2", "monthly 3", "semimonthly"),
            *("threetimesamonth", "p1m", "mensuelle", "mensuel", "bimensuelle"),
        ),
        UpdateFrequency.MONTHLY,
    ),
    **dict.fromkeys(
        ("bimonthly", "p2m", "quarterly", "p3m", "trimestrielle", "trimestriel", "bimestrielle"),
        UpdateFrequency.QUARTERLY,
    ),
    **dict.fromkeys(
        (
            *("annual 3", "threetimesayear", "p4m", "annual 2", "semiannual", "biannual", "p6m"),
            *("semestrielle", "semestriel", "annual", "yearly", "p1y", "annuelle", "annuel"),
        ),
        UpdateFrequency.ANNUAL,
    ),
}
_LONGEST: Final = 2000
"""Characters of a portal's word that are read: a licence may be a whole sentence, or an address."""
_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]+")


def plain(text: str) -> str:
    """Return a text in small letters and digits, without accents, single spaces between words.

    Of a text without end the beginning: accents in a row are sorted, which takes the square of
    their number.
    """
    begin = text[:_LONGEST].casefold()
    bare = unicodedata.normalize("NFKD", begin).encode("ascii", "ignore").decode()
    return _NOT_A_LETTER.sub(" ", bare).strip()


def theme_of(texts: Iterable[str], own: Mapping[str, Theme]) -> Theme | None:
    """Return the theme of the first text that has one; None where none has."""
    for text in texts:
        word = plain(text)
        last = plain(text.rstrip("/").rpartition("/")[2])
        found = own.get(word) or _THEMES_OF_EUROPE.get(last)
        # Of an address the last part alone is a theme: its host may be a region's.
        found = found or _begun(last if "://" in text else word, _PARTS_OF_THEMES)
        if found is not None:
            return found
    return None


def licence_of(
    texts: Iterable[str], own: Mapping[str, Licence]
) -> Licence | Literal["not_open"] | None:
    """Return the licence of the first text that names one, or NOT_OPEN; None where none does."""
    for text in texts:
        word = plain(text)
        if word in own:
            return own[word]
        found = _begun(word, _PARTS_OF_LICENCES)
        if found is not None:
            return found
    return None


def _begun(words: str, parts: Mapping[str, Part]) -> Part | None:
    """Return the code of the first part that words begin with; None where none is there."""
    spaced = f" {words} "
    return next((code for part, code in parts.items() if f" {part}" in spaced), None)


def frequency_of(text: str) -> UpdateFrequency:
    """Return how often a dataset is promised to be updated; irregular where nothing is promised."""
    last = re.split(r"[/#]", text.rstrip("/"))[-1]
    named = plain(last.removeprefix("R/"))
    return _FREQUENCIES.get(named, UpdateFrequency.IRREGULAR)
