"""Names of entities, how they are sorted, and what an event says in French."""

from __future__ import annotations

import re

import pytest

from catalogue.vocabulary import fields_of
from events.fact import Family
from events.registry import FACTS, FACTS_BY_NAME, facts_of
from report.words import (
    NAME_FIELDS,
    REFERENCES,
    EntityKey,
    content_items,
    entity_name,
    field_label,
    french_words,
    sorting_key,
)

SHOWN = [name for name, fact in FACTS_BY_NAME.items() if not fact.FAMILY.about_persons]


@pytest.mark.parametrize("fact", SHOWN)
def test_every_field_has_a_french_label(fact: str) -> None:
    for field, use in fields_of(fact).items():
        assert field in french_words().fields or use.dimension, field
        assert "_" not in field_label(fact, field)


def test_a_label_is_of_a_field() -> None:
    known = {field for fact in FACTS_BY_NAME for field in fields_of(fact)}
    assert set(french_words().fields) <= known


@pytest.mark.parametrize(
    ("fact", "field", "value", "label", "text"),
    [
        ("school.connected", "downlink_mbps", 1000, "débit descendant (Mbit/s)", "1 000"),
        ("school.registered", "kind", "polyvalent", "type de lycée", "Polyvalent"),
        ("school.registered", "department", "77", "département", "Seine-et-Marne (77)"),
        ("grant.paid", "amount_cents", 1197656, "montant", "11 976,56 €"),
        ("grant.paid", "amount_cents", 5, "montant", "0,05 €"),
        ("indicator.observed", "value_micros", 5407400000000, "valeur", "5 407 400"),
        ("indicator.observed", "value_micros", -71_250_000, "valeur", "−71,25"),
        ("indicator.observed", "territory", "R11", "territoire", "Île-de-France"),
        ("indicator.observed", "territory", "D95", "territoire", "Val-d’Oise (95)"),
        ("indicator.observed", "territory", "FRANCE", "territoire", "France"),
        ("indicator.observed", "department", None, "département", "non indiqué"),
        ("milestone.explained", "kind", "result", "nature", "Résultat"),
        ("equipment.delivered", "completes_plan", True, "achèvement du plan d’équipement", "Oui"),
        (
            "workstation.usage_reported",
            "period_start",
            "2020-09-01",
            "début de la période",
            "01/09/2020",
        ),
        (
            "workstation.usage_reported",
            "occupied_hours",
            {"company": 1717, "other": 134},
            "heures occupées",
            "Entreprises : 1 717 ; Autres publics : 134",
        ),
        ("school.registered", "name", "Lycée Jean Jaurès", "nom", "Lycée Jean Jaurès"),
        ("of.another_version", "some_field", [1], "some_field", "[1]"),
    ],
)
def test_a_field_is_shown_in_french(
    fact: str, field: str, value: object, label: str, text: str
) -> None:
    ((shown_label, shown),) = content_items(fact, {field: value})
    assert (shown_label, re.sub("[\u202f\u00a0]", " ", shown)) == (label, text)


def test_every_name_field_is_a_field() -> None:
    assert all(field in fields_of(fact) for fact, field in NAME_FIELDS.items())


def test_only_definitions_name_entities() -> None:
    defining = {facts_of(fact.FAMILY)[0].NAME for fact in FACTS.values()}

    assert set(NAME_FIELDS) <= defining


def test_every_fact_of_a_referring_family_refers() -> None:
    """The field is in each of them, so that no row is without its subject."""
    assert all(
        reference.field in fields_of(fact.NAME)
        for family, reference in REFERENCES.items()
        for fact in facts_of(family)
    )


def test_a_name_is_sorted_without_accents_and_capitals() -> None:
    names = ["Lycée Zola", "lycée Éluard", "Lycée Eiffel"]

    assert sorted(names, key=sorting_key) == ["Lycée Eiffel", "lycée Éluard", "Lycée Zola"]


def test_apostrophes_and_ligatures_are_read_as_letters() -> None:
    names = ["La Fabrique", "L’Atelier", "Ombre", "L'Atelier 2", "Œuvre"]

    assert sorted(names, key=sorting_key) == [
        "La Fabrique",
        "L’Atelier",
        "L'Atelier 2",
        "Œuvre",
        "Ombre",
    ]


@pytest.mark.parametrize(
    ("code", "name"), [("77288", "Melun"), ("75101", "Commune 75101"), ("95000", "Commune 95000")]
)
def test_a_commune_has_its_name_where_it_is_on_the_map(code: str, name: str) -> None:
    assert entity_name(EntityKey(Family.BROADBAND, code), None) == name
