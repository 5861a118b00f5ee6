"""Lycées on a map: where each is, whether it counts in a promise's figure, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from catalogue.formatting import NO_BREAK, day_text
from catalogue.model import Indicator
from catalogue.terms import Term
from events.fact import Family
from events.record_rules import known_before
from events.school import SchoolRegistered
from report.charts.commune_map import Point, centre_of, commune_of, communes, point_at
from report.evidence import EvidenceRow, evidence_of
from report.ledger import VISIBLE, EventLedger
from report.places import MOST_REPORTING
from report.view import View
from report.words import EntityKey, entity_name, french_words

# What a day's latest registration says, and the facts that begin and end what is counted.
_PLACES: Final = """
WITH seen AS (
    SELECT entity, fact, day, content, commune FROM event
    WHERE family = $family AND day <= $day AND {visible} AND content IS NOT NULL
)
SELECT
    entity,
    arg_max(json_extract_string(content, '$.position'), day) FILTER (WHERE fact = $registered),
    arg_max(commune, day) FILTER (WHERE fact = $registered),
    max(day) FILTER (WHERE list_contains($begins::VARCHAR[], fact)),
    list((day, fact) ORDER BY day) FILTER (WHERE list_contains($ends::VARCHAR[], fact))
FROM seen GROUP BY entity
"""


@dataclass(frozen=True, slots=True)
class MappedSchool:
    """A lycée of a figure, with French texts for whether it counts and since when."""

    key: EntityKey
    name: str
    commune: str
    """Its commune's name; empty where it is not known."""
    counts: bool
    in_total: bool
    """Whether it is one of those that the figure divides by; a closed lycée is not."""
    state: str
    since: str
    point: Point | None
    """Where it is on the map; None for a lycée that no registration places."""
    is_exact: bool
    """True at its own position, False at its commune's centre."""

    @property
    def text(self) -> str:
        """Its name and state, in one line."""
        return f"{self.name}{NO_BREAK}: {self.state}, {self.since}"


def schools_on_map(
    ledger: EventLedger, indicator: Indicator, view: View
) -> tuple[MappedSchool, ...]:
    """Return the lycées behind a figure on a view's day, as known on its day; those missing first.

    Each is where its latest registration of that day places it.
    """
    department = view.department_for(indicator)
    found = evidence_of(
        ledger, indicator, department, view.as_of, view.known_on, limit=MOST_REPORTING
    )
    counted, whole = indicator.measure.numerator, indicator.measure.denominator
    own = counted if whole is None or counted.family is Family.SCHOOLS else whole
    parameters = {
        "family": Family.SCHOOLS.value,
        "registered": SchoolRegistered.NAME,
        "begins": list(own.facts),
        "ends": list(own.unless),
        "day": view.as_of.toordinal(),
        "before": known_before(view.known_on),
    }
    rows = ledger.query(_PLACES.format(visible=VISIBLE), parameters)
    places = {entity: place for entity, *place in rows}
    nowhere = (None, None, None, None)
    return tuple(_mapped(counted, row, *places.get(row.key.entity, nowhere)) for row in found.rows)


def _mapped(
    counted: Term,
    row: EvidenceRow,
    position: str | None,
    commune: str | None,
    began: int | None,
    ended: Sequence[tuple[int, str]] | None,
) -> MappedSchool:
    """Return a lycée with the columns of `_PLACES`."""
    words = french_words()
    end = next(
        (
            f"{words.facts[fact]} le {day_text(date.fromordinal(day))}"
            for day, fact in ended or ()
            if day >= (began or 0)
        ),
        None,
    )
    in_total = row.denominator != 0
    if row.numerator > 0:
        since = f"{words.facts[counted.facts[0]]} le {day_text(row.since)}"
        state = "compte" if in_total else "compte, hors du total"
        if end is not None and not in_total:
            since = f"{since}, {end}"
    elif end is not None:
        state, since = "ne compte plus", end
    else:
        registered = words.facts[SchoolRegistered.NAME]
        state, since = "ne compte pas encore", f"{registered} depuis le {day_text(row.since)}"
    outline = communes().get(commune_of(commune or ""))
    return MappedSchool(
        key=row.key,
        name=entity_name(row.key, row.name),
        commune="" if outline is None else outline.name,
        counts=row.numerator > 0,
        in_total=in_total,
        state=state,
        since=since,
        point=point_at(position) if position else centre_of(commune or ""),
        is_exact=bool(position),
    )
