"""The pages of evidence: the entities behind a figure or a change, and their lists' pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from catalogue.formatting import count_text
from catalogue.model import Indicator
from report.evidence import Evidence, EvidencePart, changes, contributions
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.standing import Standing
from report.view import View

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
    def text(self) -> str:
        """The rows of this page, in words."""
        if not self.rows:
            return "aucune ligne"
        offset = (self.page - 1) * ROWS
        first, last = count_text(offset + 1), count_text(min(offset + ROWS, self.rows))
        if first == last:
            return f"ligne {first} sur {last}"
        return f"lignes {first} à {last} sur {count_text(self.rows)}"


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """The entities behind a figure or, where `since` is given, those that changed it."""

    standing: Standing
    is_regional: bool
    part: EvidencePart
    since: date | None
    until: date
    found: Evidence | None
    """None for persons: they are shown as published counts only."""
    paging: Paging
    differs: bool
    """True where the events read so far add up to another figure, or change, than is shown."""


def evidence_page(
    knowledge: Knowledge,
    ledger: EventLedger,
    indicator: Indicator,
    view: View,
    *,
    part: EvidencePart = "all",
    since: date | None = None,
    page: int,
) -> EvidencePage:
    """Return the entities behind the figure of a view, or behind its change from a day on."""
    department = view.department_for(indicator)
    standing = knowledge.standing(indicator, department, view.as_of)
    found, differs = None, False
    if indicator.publication is None:
        window = {"limit": ROWS, "offset": (page - 1) * ROWS}
        until, known_on = view.as_of, view.known_on
        over, under = standing.history.numerator, standing.history.denominator
        if since is None:
            found = contributions(
                ledger, indicator, department, until, known_on, part=part, **window
            )
            shown = over.at(until), None if under is None else under.at(until)
        else:
            found = changes(ledger, indicator, department, since, until, known_on, **window)
            shown = (
                over.change(since, until),
                None if under is None else under.change(since, until),
            )
        differs = shown != (found.numerator, found.denominator)
    return EvidencePage(
        standing=standing,
        is_regional=department != view.department,
        part=part,
        since=since,
        until=view.as_of,
        found=found,
        paging=Paging(page, 0 if found is None else found.entities),
        differs=differs,
    )
