"""The part of a catalogue that can be judged while some of its terms are unknown."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from pydantic import BaseModel

from catalogue.model import Catalogue, Indicator
from catalogue.terms import Term

_Model = TypeVar("_Model", bound=BaseModel)


def judgeable_catalogue(catalogue: Catalogue, unknown: Collection[Term]) -> Catalogue:
    """Return a catalogue without the indicators that depend on an unknown term."""
    left_out = {one.id for one in catalogue.indicators if not has_only_known_terms(one, unknown)}
    # A figure about persons is the sum of published parts of other indicators.
    left_out |= {
        identifier
        for identifier, parts in catalogue.person_parts.items()
        if any(part.indicator in left_out for part in parts)
    }
    programmes = tuple(
        _with(one, "indicators", tuple(kept for kept in one.indicators if kept.id not in left_out))
        for one in catalogue.programmes
    )
    return _with(catalogue, "programmes", programmes)


def has_only_known_terms(indicator: Indicator, unknown: Collection[Term]) -> bool:
    """Return whether an indicator reads none of the `unknown` terms."""
    measures = (indicator.measure, indicator.comparison)
    return not any(term in unknown for one in measures if one is not None for term in one.terms)


def _with(model: _Model, field: str, value: object) -> _Model:
    """Return a copy with a new value, without properties cached from the old one."""
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    return type(model).model_construct(**{**fields, field: value})
