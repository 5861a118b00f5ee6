"""Published figures about persons, computed from an audit's counts by another method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from audit.recount import Audit
from catalogue.model import Catalogue
from events.identifiers import Department
from events.training import TrainingAudience

PRIORITY: Final = ("job_seeker", "early_leaver", "low_qualified")
COUNTS: Final = ("trainees_enrolled", "trainees_completed")
SHARE: Final = "priority_audience_ratio"
SMALLEST: Final = 10


def is_of_persons(catalogue: Catalogue, indicator: str) -> bool:
    return catalogue.indicator(indicator).min_cell is not None


def published_values(audit: Audit) -> Mapping[tuple[str, str | None], float]:
    """Return the values that are shown for the audit's day, which is a day of publication."""
    found: dict[tuple[str, str | None], float] = {}
    for department in (None, *(code.value for code in Department)):
        for indicator in COUNTS:
            total = sum(_cells(audit, indicator, department).values())
            if total:
                found[indicator, department] = total
        cells = _cells(audit, COUNTS[0], department)
        total = sum(cells.values())
        withheld = 9 * sum(not count for (where, _), count in cells.items() if where)
        chosen = sum(count for (_, audience), count in cells.items() if audience in PRIORITY)
        if chosen and withheld * 10 <= total:
            found[SHARE, department] = chosen / total
    return found


def _cells(audit: Audit, indicator: str, department: str | None) -> dict[tuple[str, str], int]:
    rows = [department] if department is not None else [code.value for code in Department]
    cells = {
        (row, audience.value): _tens(audit.categories[indicator, audience.value, row])
        for row in rows
        for audience in TrainingAudience
    }
    if department is None:
        # Completions without a known enrolment have no département and no audience.
        region = audit.readings[indicator, None].numerator
        known = sum(audit.categories[indicator, one.value, None] for one in TrainingAudience)
        cells["", ""] = _tens(region - known)
    return cells


def _tens(count: int) -> int:
    """Return the nearest ten, for a tie the lower one; 0 below ten."""
    return 0 if count < SMALLEST else round((count - 0.01) / SMALLEST) * SMALLEST
