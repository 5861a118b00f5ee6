"""Measures of external indicators: one observed value per territory, never summed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pydantic import TypeAdapter, ValidationError

from catalogue.terms import Measure, Term
from events.observation import (
    MICROS,
    ExternalIndicator,
    IndicatorObserved,
    Territory,
    observed_entity,
)

TERRITORIES: Final = tuple(one for one in Territory if one is not Territory.COUNTRY)
"""The territories of an indicator's figures: the country's value is a comparison."""

PERCENT: Final = 100

_EXTERNAL: Final = TypeAdapter[str](ExternalIndicator)


def is_external(name: object) -> bool:
    """Return True for a valid identifier of an external indicator."""
    try:
        _EXTERNAL.validate_python(name, strict=True)
    except ValidationError:
        return False
    return True


def observed_measure(indicator: str, *, percent: bool = False, whole: bool = False) -> Measure:
    """Return the measure of an external indicator: its last observation in each territory.

    With `percent`, an observation of 71.5 is the ratio 0.715. `whole` says that all are whole.
    """
    observations = Term(
        IndicatorObserved.FAMILY,
        (IndicatorObserved.NAME,),
        amount="value_micros",
        entities=frozenset(observed_entity(indicator, territory) for territory in TERRITORIES),
    )
    divisor = MICROS * PERCENT if percent else MICROS
    return Measure(observations, divisor=divisor, additive=False, whole=whole)


def country_measure(measure: Measure) -> Measure:
    """Return the measure of the country's value of an external indicator, in the same unit."""
    indicator = observed_indicator(measure)
    entities = (
        frozenset[str]() if indicator is None else {observed_entity(indicator, Territory.COUNTRY)}
    )
    term = replace(measure.numerator, entities=frozenset(entities))
    return replace(measure, numerator=term)


def is_percent(measure: Measure) -> bool:
    """Return True for a measure of percentages."""
    return not measure.additive and measure.divisor == MICROS * PERCENT


def observed_indicator(measure: Measure) -> str | None:
    """Return the external indicator of a measure; None for a measure that counts facts."""
    entities = () if measure.additive else measure.numerator.entities or ()
    return next((entity.rpartition("/")[0] for entity in entities), None)
