"""The SQL file of the outbox, without a database."""

from __future__ import annotations

import re

import pytest

from events.identifiers import is_pseudonymous
from events.pseudonym import is_pseudonym
from events.registry import FACTS
from sources.relay.sql import outbox_sql


def test_each_field_of_a_pseudonym_is_checked() -> None:
    fields = {
        name
        for fact in FACTS.values()
        for name, field in fact.model_fields.items()
        if is_pseudonymous(field)
    }
    checked = re.findall(r"kind\.key_fields\[1\] = '(\w+)' AND entity !~", outbox_sql())
    assert fields == set(checked)


@pytest.mark.parametrize("text", [f"k1-{'0af9' * 8}", "jean-moulin-1943", f"K1-{'0' * 32}", "k1-"])
def test_a_pseudonym_has_the_same_form_as_everywhere(text: str) -> None:
    """Of the two patterns only Python's is used by the gateway."""
    (pattern,) = re.findall(r"entity !~ '(\^[^']*\$)' THEN", outbox_sql())
    assert (re.fullmatch(pattern, text) is not None) == is_pseudonym(text)
