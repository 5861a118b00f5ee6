"""The pages of evidence: the entities behind a figure or a change, and their lists' pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from catalogue.formatting import count_text
from catalogue.model import Indicator
from report.evidence import Evidence, EvidencePart, evidence_of
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
        until, history = view.as_of, standing.history
        found = evidence_of(
            ledger,
            indicator,
            department,
            until,
            view.known_on,
            since=since,
            part=part,
            limit=ROWS,
            offset=(page - 1) * ROWS,
        )
        over, under = (
            None if term is None else term.at(until) - (0 if since is None else term.at(since))
            for term in (history.numerator, history.denominator)
        )
        differs = (over, under) != (found.numerator, found.denominator)
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
