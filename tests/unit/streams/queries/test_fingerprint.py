"""The fingerprints of terms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalogue.loader import load_catalogue
from catalogue.terms import Expiry, Term, TermMode
from events.fact import Family
from streams.queries.fingerprint import fingerprint

TERM = Term(
    Family.DATASETS,
    ("dataset.released", "dataset.updated"),
    unless=("dataset.withdrawn",),
    where=(("theme", frozenset({"transport", "culture"})),),
    expires=Expiry(days=30),
)


def test_it_is_the_same_in_every_process_and_release() -> None:
    """Whatever the order in which a set is kept: a worker and an assessor compare them."""
    assert fingerprint(TERM) == "8f8a39bbf0d22917"


def test_every_term_of_the_catalogue_has_its_own() -> None:
    """Or a series would be taken for another."""
    terms = load_catalogue().terms
    assert len({fingerprint(term) for term in terms}) == len(terms)


@pytest.mark.parametrize(
    "change",
    [
        {"family": Family.GRANTS},
        {"facts": ("dataset.updated", "dataset.released")},
        {"unless": ()},
        {"mode": TermMode.ADD},
        {"amount": "workstations"},
        {"where": (("theme", frozenset({"transport"})),)},
        {"expires": Expiry(days=31)},
        {"expires": None},
        {"breakdown": "theme"},
        {"entities": frozenset({"one"})},
        {"entities": frozenset()},
    ],
)
def test_whatever_changes_a_term_changes_it(change: dict[str, object]) -> None:
    """Each of its fields."""
    assert fingerprint(replace(TERM, **change)) != fingerprint(TERM)  # type: ignore[arg-type]
