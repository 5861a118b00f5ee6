"""The pages of evidence: the entities behind a figure, behind a change, and the events of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from catalogue.formatting import count_text
from catalogue.model import Indicator, Unit
from catalogue.territories import TERRITORY_NAMES, territory_key
from events.fact import Family
from report.evidence import (
    ChangePage,
    ContributionPage,
    EntityEventPage,
    EvidencePart,
    changes,
    contributions,
    events_of,
)
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.standing import Standing, amount_text, change_text
from report.view import View
from report.words import ENTITIES, EntityKey

ROWS: Final = 50
"""Rows of a page of evidence."""

PARTS: Final[Mapping[EvidencePart, str]] = {
    "all": "tout",
    "missing": "ce qui manque encore",
    "counted": "ce qui compte",
}


@dataclass(frozen=True, slots=True)
class Paging:
    """Which rows of a list a page shows; pages are counted from 1."""

    page: int
    rows: int

    @property
    def last(self) -> int:
        """The last page."""
        return max(-(-self.rows // ROWS), 1)

    @property
    def offset(self) -> int:
        """The rows before those of this page."""
        return (self.page - 1) * ROWS

    @property
    def text(self) -> str:
        """The rows of this page, in words."""
        if not self.rows:
            return "aucune ligne"
        until = min(self.offset + ROWS, self.rows)
        first, last = count_text(self.offset + 1), count_text(until)
        if first == last:
            return f"ligne {first} sur {last}"
        return f"lignes {first} à {last} sur {count_text(self.rows)}"


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """The entities behind a figure."""

    standing: Standing
    is_regional: bool
    part: EvidencePart
    found: ContributionPage | None
    """None for persons: they are shown as published counts only."""
    paging: Paging
    differs: bool
    """True where the events read so far add up to another figure than the one that is shown."""


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """The entities that changed a figure between two days."""

    standing: Standing
    since: date
    until: date
    found: ChangePage | None
    paging: Paging
    differs: bool
    """True where the events read so far add up to another change than that of the figure."""


@dataclass(frozen=True, slots=True)
class EntityPage:
    """The events of one entity."""

    key: EntityKey
    kind: str
    """What it is, in French."""
    found: EntityEventPage
    paging: Paging


def evidence_page(
    knowledge: Knowledge,
    ledger: EventLedger,
    indicator: Indicator,
    view: View,
    *,
    part: EvidencePart,
    page: int,
) -> EvidencePage:
    """Return the entities behind the figure of a view."""
    department = view.department_for(indicator)
    is_regional = department != view.department
    standing = knowledge.standing(indicator, department, view.as_of)
    if indicator.publication is not None:
        return EvidencePage(standing, is_regional, part, None, Paging(page, 0), differs=False)
    found = contributions(
        ledger,
        indicator,
        department,
        view.as_of,
        view.known_on,
        part=part,
        limit=ROWS,
        offset=(page - 1) * ROWS,
    )
    reading = standing.history.reading(view.as_of)
    return EvidencePage(
        standing,
        is_regional,
        part,
        found,
        Paging(page, found.entities),
        differs=(reading.numerator, reading.denominator) != (found.numerator, found.denominator),
    )


def changes_page(
    knowledge: Knowledge,
    ledger: EventLedger,
    indicator: Indicator,
    view: View,
    *,
    since: date,
    page: int,
) -> ChangesPage:
    """Return the entities that changed a figure from `since` to the day of a view."""
    department = view.department_for(indicator)
    standing = knowledge.standing(indicator, department, view.as_of)
    if indicator.publication is not None:
        return ChangesPage(standing, since, view.as_of, None, Paging(page, 0), differs=False)
    found = changes(
        ledger,
        indicator,
        department,
        since,
        view.as_of,
        view.known_on,
        limit=ROWS,
        offset=(page - 1) * ROWS,
    )
    history, denominator = standing.history, standing.history.denominator
    changed = (
        history.numerator.change(since, view.as_of),
        None if denominator is None else denominator.change(since, view.as_of),
    )
    return ChangesPage(
        standing,
        since,
        view.as_of,
        found,
        Paging(page, found.entities),
        differs=changed != (found.numerator, found.denominator),
    )


def entity_page(
    ledger: EventLedger, family: Family, entity: str, view: View, *, page: int
) -> EntityPage:
    """Return the events of an entity. Raises PersonsNotShownError."""
    found = events_of(ledger, family, entity, view.known_on, limit=ROWS, offset=(page - 1) * ROWS)
    return EntityPage(
        EntityKey(family, entity), ENTITIES[family], found, Paging(page, found.events)
    )


def moved_text(indicator: Indicator, amount: int) -> str:
    """Return by how much a term changed, exactly and with its sign: `+6`, `−1 500,50 €`."""
    if indicator.term_unit is Unit.RATIO:
        return change_text(indicator, Fraction(amount, indicator.term_divisor))
    return f"{'+' if amount > 0 else ''}{amount_text(indicator, amount)}"


def territory_text(department: str | None) -> str:
    """Return the name of an entity's département; of none: the Région's."""
    return TERRITORY_NAMES.get(territory_key(department), str(department))
