"""The rows of a day, in the catalogue's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from catalogue.judgement import judge_all
from catalogue.metrics import REGION
from catalogue.territory_names import TERRITORY_NAMES
from operations.export.row import ExportRow
from operations.importing.programme.zones import territory_of
from streams.histories import categories_of, histories_of

if TYPE_CHECKING:
    from catalogue.judgement import Judgement
    from catalogue.model import Catalogue
    from streams.histories import Parts
    from streams.state_store import StateStore

__all__ = ["rows_of"]


def rows_of(
    catalogue: Catalogue, state_store: StateStore, as_of: date, known_on: date | None = None
) -> Iterator[ExportRow]:
    """Yield a row for each indicator, territory and milestone, each followed by its categories.

    `state_store` are those of `known_on`, where that is given.
    """
    judgements = judge_all(catalogue, histories_of(state_store, catalogue), as_of)
    parts = categories_of(state_store, catalogue)
    detailed: set[tuple[str, str | None]] = set()
    for judgement in judgements:
        indicator, department = judgement.indicator, judgement.department
        programme = catalogue.programme_of(indicator.id)
        common = {
            "as_of": judgement.as_of,
            "known_on": known_on,
            "programme": programme.id,
            "programme_title": programme.title,
            "indicator": indicator.id,
            "indicator_title": indicator.title,
            "unit": indicator.unit,
            "department": department,
            "territory": territory_of(department),
            "territory_name": TERRITORY_NAMES[department or REGION],
        }
        yield _row(common, _figure(judgement), _promise(judgement))
        if (indicator.id, department) not in detailed:
            detailed.add((indicator.id, department))
            for category in indicator.categories:
                yield _row(common, _share(judgement, category, parts))


def _row(*parts: Mapping[str, Any]) -> ExportRow:
    """Join parts of a row; what none of them tells is not known."""
    known = {name: value for part in parts for name, value in part.items()}
    return ExportRow.model_validate({**dict.fromkeys(ExportRow.model_fields), **known})


def _figure(judgement: Judgement) -> dict[str, Any]:
    if judgement.withheld:
        return {"suppressed": True, "last_reported": judgement.last_reported}
    change = judgement.change
    is_ratio = judgement.denominator is not None
    return {
        "suppressed": False,
        "value": _number(judgement.value),
        "numerator": judgement.numerator if is_ratio else None,
        "denominator": judgement.denominator,
        "last_reported": judgement.last_reported,
        "country_value": _number(judgement.country_value),
        "change_30d": change and float(change.value),
        "change_30d_numerator": change and float(change.due_to_numerator),
        "change_30d_denominator": change and float(change.due_to_denominator),
        "pace_per_day": _number(judgement.observed_pace),
    }


def _promise(judgement: Judgement) -> dict[str, Any]:
    baseline = judgement.indicator.baseline_for(judgement.department)
    told: dict[str, Any] = {"baseline": None if baseline is None else float(baseline.value)}
    milestone = judgement.milestone
    if milestone is None:
        return told
    told |= {
        "milestone": milestone.id,
        "target": None if milestone.target is None else float(milestone.target),
        "deadline": milestone.day,
        "assumed": milestone.assumed,
        "status": judgement.status,
    }
    projected = judgement.projected
    return told | {
        "progress_rate": judgement.progress_rate,
        "projected_on": projected and projected.day,
        "projected_earliest_on": projected and projected.earliest,
        "projected_latest_on": projected and projected.latest,
        "attained_on": judgement.attained_on,
        "lost_on": judgement.lost_on,
        "required_pace_per_day": _number(judgement.required_pace),
    }


def _share(judgement: Judgement, category: str, parts: Parts) -> dict[str, Any]:
    indicator, department = judgement.indicator, judgement.department
    total = parts[indicator.id, department, category].at(judgement.as_of)
    share = None if judgement.last_reported is None else Fraction(total, indicator.measure.divisor)
    withheld = share is not None and indicator.publication is not None and not total
    return {
        "dimension": indicator.breakdown,
        "category": category,
        "value": None if withheld else _number(share),
        "suppressed": withheld,
    }


def _number(exact: Fraction | None) -> float | None:
    return None if exact is None else float(exact)
