"""The words of portals, in the codes of the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from events.dataset import Theme
from sources.harvest.vocabularies import frequency_of, licence_of, plain, theme_of
from tests.support.golden import check_golden

EUROPE = "http://publications.europa.eu/resource/authority"


WORDS: dict[Callable[[list[str], Any], object], tuple[str, ...]] = {
    theme_of: (
        *(f"{EUROPE}/data-theme/TRAN", f"{EUROPE}/data-theme/REGI", "Transports, Déplacements"),
        "Éducation, Formation, Recherche, Enseignement",
        "Administration, Gouvernement, Finances publiques",
        *("Aménagement du territoire, Urbanisme", "Agriculture, pêche, forêt et alimentation"),
        *("Systèmes d’information", "https://data.region-exemple.fr/themes/sante"),
        *("https://data.region-exemple.fr/themes/transports", "Santé"),
    ),
    licence_of: (
        *("Licence Ouverte v2.0 (Etalab)", "Open Database License (ODbL)", "CC BY-NC-SA"),
        *("CC BY : pas d’utilisation commerciale", f"{EUROPE}/licence/FR_LO"),
        "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
        "https://opendatacommons.org/licenses/odbl/1-0/",
        "https://creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by-nc/4.0/",
        *("https://portail.example.fr/logement/conditions", "Tous droits réservés"),
    ),
    lambda words, _: frequency_of(words[0]): (
        *(f"{EUROPE}/frequency/{word}" for word in ("DAILY", "UPDATE_CONT", "WEEKLY", "BIWEEKLY")),
        *(f"{EUROPE}/frequency/{word}" for word in ("BIMONTHLY", "ANNUAL_2", "TRIENNIAL")),
        *("http://purl.org/cld/freq/quarterly", "R/P1M", "Temps réel", ""),
    ),
}
"""What portals write, in addresses and words."""


def test_words_have_codes_or_none() -> None:
    """What may not be sold, or is unknown, has no open licence; a frequency is never shorter."""
    lines = [f"{word!r}: {read([word], {})}" for read, words in WORDS.items() for word in words]
    check_golden(Path(__file__).with_name("vocabularies.txt"), "\n".join((*lines, "")))


def test_a_user_says_what_a_word_means() -> None:
    own = {"sante": Theme.TERRITORY, "transports": Theme.ECONOMY}

    assert theme_of(["SANTÉ"], own) is Theme.TERRITORY
    assert theme_of(["Transports"], own) is Theme.ECONOMY


def test_a_word_without_end_is_read_at_its_beginning() -> None:
    """Accents in a row are sorted: 100 000 of them took five seconds."""
    word = "Transports " + "\N{COMBINING GRAVE ACCENT}" * 10_000 + "x"

    assert plain(word) == "transports"
    assert theme_of([word], {}) is Theme.TRANSPORT
