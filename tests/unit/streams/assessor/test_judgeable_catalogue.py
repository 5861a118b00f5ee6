"""What is left of a catalogue while some of its terms are not known."""

from __future__ import annotations

import pytest

from catalogue.loader import load_catalogue
from streams.assessor.judgeable_catalogue import judgeable_catalogue
from streams.histories import histories_of, person_categories_of
from streams.state_store import StateStore

CATALOGUE = load_catalogue()


@pytest.mark.parametrize("term", CATALOGUE.terms, ids=lambda term: "+".join(term.facts))
def test_what_is_left_can_be_judged(term: object) -> None:
    known = judgeable_catalogue(CATALOGUE, {term})  # type: ignore[arg-type]
    left = {one.id for one in known.indicators}
    assert term not in known.terms
    assert left < {one.id for one in CATALOGUE.indicators}
    assert known.person_parts.keys() <= left
    for parts in known.person_parts.values():
        assert {part.indicator for part in parts} <= left
    state_store = StateStore(CATALOGUE.terms)
    assert {key[0] for key in histories_of(state_store, known)} == left
    assert {key[0] for key in person_categories_of(state_store, known)} <= left
