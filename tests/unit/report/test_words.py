"""Names of entities, and how they are sorted."""

from __future__ import annotations

from catalogue.vocabulary import fields_of
from events.registry import FACTS, facts_of
from report.words import NAME_FIELDS, REFERENCES, sorting_key


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
