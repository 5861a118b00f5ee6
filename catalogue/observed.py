"""What others have computed: taken over territory by territory, as it is, and never added up."""

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

__all__ = [
    "TERRITORIES",
    "country_measure",
    "is_external",
    "is_percent",
    "observed_indicator",
    "observed_measure",
]

TERRITORIES: Final = tuple(place for place in Territory if place is not Territory.COUNTRY)
"""Those that an indicator has a figure for: the country's value is for comparison, beside it."""

PERCENT: Final = 100

_EXTERNAL: Final = TypeAdapter[str](ExternalIndicator)


def is_external(name: object) -> bool:
    """Tell whether an external indicator may have this identifier."""
    try:
        _EXTERNAL.validate_python(name, strict=True)
    except ValidationError:
        return False
    return True


def observed_measure(indicator: str, *, percent: bool) -> Measure:
    """Measure an external indicator: its last observation in each territory, there alone.

    `percent` says that what is observed as 71.5 is the ratio 0.715.
    """
    observations = Term(
        IndicatorObserved.FAMILY,
        (IndicatorObserved.NAME,),
        amount="value_micros",
        entities=frozenset(observed_entity(indicator, place) for place in TERRITORIES),
    )
    return Measure(observations, divisor=MICROS * PERCENT if percent else MICROS, additive=False)


def country_measure(measure: Measure) -> Measure:
    """Measure the whole country's own value of what a measure takes over, in its unit."""
    indicator = observed_indicator(measure)
    entities = (
        frozenset[str]() if indicator is None else {observed_entity(indicator, Territory.COUNTRY)}
    )
    term = replace(measure.numerator, entities=frozenset(entities))
    return replace(measure, numerator=term)


def is_percent(measure: Measure) -> bool:
    """Tell whether a measure takes over percentages."""
    return not measure.additive and measure.divisor == MICROS * PERCENT


def observed_indicator(measure: Measure) -> str | None:
    """Tell which external indicator a measure takes over; None where it counts by itself."""
    entities = () if measure.additive else measure.numerator.entities or ()
    return next((entity.rpartition("/")[0] for entity in entities), None)
