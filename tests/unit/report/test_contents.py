"""What an event says, in French."""

from __future__ import annotations

import re

import pytest

from catalogue.vocabulary import fields_of
from events.registry import FACTS_BY_NAME
from report.contents import FIELDS, content_items, field_label

SHOWN = [name for name, fact in FACTS_BY_NAME.items() if not fact.FAMILY.about_persons]


@pytest.mark.parametrize("fact", SHOWN)
def test_every_field_has_a_french_label(fact: str) -> None:
    for field, use in fields_of(fact).items():
        assert field in FIELDS or use.dimension, field
        assert "_" not in field_label(fact, field)


def test_a_label_is_of_a_field() -> None:
    known = {field for fact in FACTS_BY_NAME for field in fields_of(fact)}
    assert set(FIELDS) <= known


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
        (
            "equipment.delivered",
            "completes_plan",
            True,
            "achèvement du plan d’équipement",
            "Oui",
        ),
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
