"""The rows of an export: their columns, and those of a day in the catalogue's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ConfigDict

from catalogue.judgement import Judgement, judge_all
from catalogue.model import Catalogue, Unit
from catalogue.progress import MilestoneStatus
from catalogue.territories import TERRITORY_NAMES, territory_key
from events.observation import Territory
from streams.dated_sums import DatedSums
from streams.histories import Parts, categories_of, histories_of

#: What identifies a row of an export.
KEY = ("indicator", "territory", "category", "milestone")


class ExportRow(BaseModel):
    """A figure of one territory on one day, against one milestone, or by one category.

    Names are for programs, and as everywhere in the monitor; `catalogue/open_data.yaml` has titles
    and descriptions for the public. None is "not known", never zero.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    known_on: date | None
    programme: str
    programme_title: str
    indicator: str
    indicator_title: str
    unit: Unit
    department: str | None
    territory: Territory
    territory_name: str
    dimension: str | None
    category: str | None
    value: float | None
    numerator: int | None
    denominator: int | None
    suppressed: bool
    last_reported: date | None
    country_value: float | None
    change_30d: float | None
    change_30d_numerator: float | None
    change_30d_denominator: float | None
    pace_per_day: float | None
    baseline: float | None
    milestone: str | None
    target: float | None
    deadline: date | None
    assumed: bool | None
    progress_rate: float | None
    status: MilestoneStatus | None
    projected_on: date | None
    projected_earliest_on: date | None
    projected_latest_on: date | None
    attained_on: date | None
    lost_on: date | None
    required_pace_per_day: float | None


def rows_of(
    catalogue: Catalogue, sums: DatedSums, as_of: date, known_on: date | None = None
) -> Iterator[ExportRow]:
    """Yield a row for each indicator, territory and milestone, each followed by its categories.

    `sums` are as known on `known_on`, where that is given.
    """
    judgements = judge_all(catalogue, histories_of(sums, catalogue, known_on), as_of)
    parts = categories_of(sums, catalogue, known_on)
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
            "territory": Territory.of(department),
            "territory_name": TERRITORY_NAMES[territory_key(department)],
        }
        yield _row(common, _figure(judgement), _promise(judgement))
        if (indicator.id, department) not in detailed:
            detailed.add((indicator.id, department))
            for category in indicator.categories:
                yield _row(common, _share(judgement, category, parts))


def _row(*parts: Mapping[str, Any]) -> ExportRow:
    """Join parts of a row; a field that none of them has is None."""
    known = {name: value for part in parts for name, value in part.items()}
    return ExportRow.model_validate({**dict.fromkeys(ExportRow.model_fields), **known})


def _figure(judgement: Judgement) -> dict[str, Any]:
    if judgement.withheld:
        return {"suppressed": True, "last_reported": judgement.last_reported}
    change = judgement.change
    is_ratio = judgement.denominator is not None and judgement.value is not None
    return {
        "suppressed": False,
        "value": _number(judgement.value),
        "numerator": judgement.numerator if is_ratio else None,
        "denominator": judgement.denominator if is_ratio else None,
        "last_reported": judgement.last_reported,
        "country_value": _number(judgement.country_value),
        "change_30d": change and float(change.value),
        "change_30d_numerator": change and float(change.due_to_numerator),
        "change_30d_denominator": change and float(change.due_to_denominator),
        "pace_per_day": _number(judgement.observed_pace),
    }


def _promise(judgement: Judgement) -> dict[str, Any]:
    baseline = judgement.indicator.baseline_for(judgement.department)
    promised: dict[str, Any] = {"baseline": None if baseline is None else float(baseline.value)}
    milestone = judgement.milestone
    if milestone is None:
        return promised
    promised |= {
        "milestone": milestone.id,
        "target": None if milestone.target is None else float(milestone.target),
        "deadline": milestone.day,
        "assumed": milestone.assumed,
        "status": judgement.status,
    }
    projected = judgement.projected
    return promised | {
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
    is_known = judgement.value is not None or judgement.withheld
    share = Fraction(total, indicator.measure.divisor) if is_known else None
    withheld = share is not None and indicator.publication is not None and not total
    return {
        "dimension": indicator.breakdown,
        "category": category,
        "value": None if withheld else _number(share),
        "suppressed": withheld,
    }


def _number(exact: Fraction | None) -> float | None:
    return None if exact is None else float(exact)
