"""The words of portals, in the codes of the contract."""

from __future__ import annotations

import pytest

from events.dataset import Licence, Theme, UpdateFrequency
from sources.harvest.vocabularies import NOT_OPEN, frequency_of, licence_of, plain, theme_of

EUROPE = "http://publications.europa.eu/resource/authority"


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (f"{EUROPE}/data-theme/TRAN", Theme.TRANSPORT),
        (f"{EUROPE}/data-theme/REGI", Theme.TERRITORY),
        ("Transports, Déplacements", Theme.TRANSPORT),
        ("Éducation, Formation, Recherche, Enseignement", Theme.EDUCATION),
        ("Administration, Gouvernement, Finances publiques", Theme.ADMINISTRATION),
        ("Aménagement du territoire, Urbanisme", Theme.TERRITORY),
        ("Agriculture, pêche, forêt et alimentation", Theme.ECONOMY),
        ("Systèmes d’information", None),
        ("https://data.region-exemple.fr/themes/sante", None),
        ("https://data.region-exemple.fr/themes/transports", Theme.TRANSPORT),
        ("Santé", None),
    ],
)
def test_a_theme_is_read_from_addresses_and_words(word: str, code: Theme | None) -> None:
    """The EU's table and Opendatasoft's French names; an unknown word is nobody's guess."""
    assert theme_of([word], {}) is code


def test_a_user_says_what_a_word_means() -> None:
    own = {"sante": Theme.TERRITORY, "transports": Theme.ECONOMY}

    assert theme_of(["SANTÉ"], own) is Theme.TERRITORY
    assert theme_of(["Transports"], own) is Theme.ECONOMY


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Licence Ouverte v2.0 (Etalab)", Licence.OPEN_LICENCE),
        ("https://www.etalab.gouv.fr/licence-ouverte-open-licence/", Licence.OPEN_LICENCE),
        ("Open Database License (ODbL)", Licence.ODBL),
        ("https://opendatacommons.org/licenses/odbl/1-0/", Licence.ODBL),
        ("https://creativecommons.org/licenses/by/4.0/", Licence.OTHER_OPEN),
        ("https://creativecommons.org/licenses/by-nc/4.0/", NOT_OPEN),
        ("CC BY-NC-SA", NOT_OPEN),
        ("CC BY : pas d’utilisation commerciale", NOT_OPEN),
        (f"{EUROPE}/licence/FR_LO", Licence.OPEN_LICENCE),
        ("https://portail.example.fr/logement/conditions", None),
        ("Tous droits réservés", None),
    ],
)
def test_a_licence_is_open_only_where_it_is(word: str, code: Licence | str | None) -> None:
    """What may not be sold, or is unknown, is no open licence."""
    assert licence_of([word], {}) == code


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (f"{EUROPE}/frequency/DAILY", UpdateFrequency.DAILY),
        (f"{EUROPE}/frequency/UPDATE_CONT", UpdateFrequency.DAILY),
        (f"{EUROPE}/frequency/WEEKLY", UpdateFrequency.WEEKLY),
        (f"{EUROPE}/frequency/BIWEEKLY", UpdateFrequency.MONTHLY),
        (f"{EUROPE}/frequency/BIMONTHLY", UpdateFrequency.QUARTERLY),
        (f"{EUROPE}/frequency/ANNUAL_2", UpdateFrequency.ANNUAL),
        (f"{EUROPE}/frequency/TRIENNIAL", UpdateFrequency.IRREGULAR),
        ("http://purl.org/cld/freq/quarterly", UpdateFrequency.QUARTERLY),
        ("R/P1M", UpdateFrequency.MONTHLY),
        ("Temps réel", UpdateFrequency.DAILY),
        ("", UpdateFrequency.IRREGULAR),
    ],
)
def test_a_frequency_without_a_code_is_the_next_longer_one(
    word: str, code: UpdateFrequency
) -> None:
    """Nobody is held to more than they announced."""
    assert frequency_of(word) is code


def test_a_word_without_end_is_read_at_its_beginning() -> None:
    """Accents in a row are sorted: 100 000 of them took five seconds."""
    word = "Transports " + "\N{COMBINING GRAVE ACCENT}" * 10_000 + "x"

    assert plain(word) == "transports"
    assert theme_of([word], {}) is Theme.TRANSPORT
