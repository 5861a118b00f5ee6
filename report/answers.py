"""Pages as JSON objects, for programs: the same values, texts, reasons and warnings.

Days are ISO 8601, all texts French. Links are permanent, and relative to the first page's address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from catalogue.explanations import Explanation
from catalogue.model import Milestone
from events.fact import Family
from events.identifiers import commune_department
from report.compare import ComparedRow, Comparison
from report.completeness import Completeness
from report.data import cell_of, figure_row
from report.evidence_pages import EvidencePage
from report.overview import Overview
from report.places import LEAST_CHARACTERS, SearchResults
from report.promise import PromisePage
from report.standing import Standing, amount_text, attribution, moved_text, territory_text
from report.view import AS_OF, View
from report.words import EntityKey, entity_name, french_words

MOST_EXPLANATIONS: Final = 10
"""How many explanations of a milestone an object has, the newest."""

PageObject: TypeAlias = Mapping[str, Any]


def promises_object(overview: Overview, view: View, completeness: Completeness) -> PageObject:
    """Return the first page: its sentences, and every promise in a territory, the worst first."""
    said = overview.summary
    promises = [
        {
            "figure": figure_row(row.standing, view, completeness),
            "regional": row.is_regional,
            "link": f"promesses/{row.indicator.id}{view.permanent()}",
        }
        for group in overview.groups
        for row in group.rows
    ]
    return {
        **_about(view, completeness, ""),
        "summary": [said.standing, said.changes, said.decisions],
        "promises": promises,
    }


def promise_object(page: PromisePage, view: View, completeness: Completeness) -> PageObject:
    """Return a promise and its milestones, with what is said of each."""
    return {
        **_about(view, completeness, f"promesses/{page.indicator.id}"),
        "programme": page.programme.title,
        "promise": page.programme.promise,
        "owner": page.programme.owner,
        "definition": page.indicator.definition,
        "regional": page.is_regional,
        "figure": figure_row(page.standing, view, completeness),
        "milestones": [
            _milestone(milestone, one, view, completeness)
            for one in page.milestones
            if (milestone := one.milestone) is not None
        ],
    }


def comparison_object(comparison: Comparison, view: View, completeness: Completeness) -> PageObject:
    """Return two days, `since` and `until`."""
    days = {"since": comparison.since, AS_OF: comparison.until}
    return {
        **_about(view, completeness, "comparaison", **days),
        "since": str(comparison.since),
        "until": str(comparison.until),
        "figures": [_compared(row, view.permanent(**days)) for row in comparison.rows],
    }


def changes_object(page: EvidencePage, view: View, completeness: Completeness) -> PageObject:
    """Return a page of the entities that changed a figure; of persons it has none, and no sums.

    `differs` where the events that were read so far add up to another change than the two values.
    """
    standing, found, since = page.standing, page.found, page.since
    assert since is not None  # noqa: S101 - it is a page of changes
    indicator, amounts, rows = standing.indicator, {}, []
    if found is not None:
        amounts = {"numerator": found.numerator, "denominator": found.denominator}
        for row in found.rows:
            terms = {
                "was": row.numerator_before,
                "now": row.numerator,
                "denominator_was": row.denominator_before,
                "denominator_now": row.denominator,
            }
            texts = {
                name: None if one is None else amount_text(indicator, one)
                for name, one in terms.items()
            }
            name = entity_name(row.key, row.name)
            rows.append({**_entity(row.key, name, row.department, view), **texts})
    path = f"promesses/{indicator.id}/changements"
    return {
        **_about(view, completeness, path, since=since, page=page.paging.page),
        "indicator": indicator.id,
        "title": indicator.title,
        "regional": page.is_regional,
        "since": str(since),
        "until": str(page.until),
        "was": cell_of(standing.value_on(since)),
        "now": cell_of(standing.value_on(page.until)),
        "about_persons": found is None,
        "differs": page.differs,
        "change": {
            term: None if one is None else moved_text(indicator, one)
            for term, one in amounts.items()
        },
        "entities": page.paging.rows,
        "page": page.paging.page,
        "pages": page.paging.last,
        "rows": rows,
    }


def places_object(found: SearchResults, view: View, completeness: Completeness) -> PageObject:
    """Return what a search finds, communes first; nothing where the text is `too_short`."""
    communes = [
        {
            "kind": "Commune",
            "id": one.code,
            "name": one.name,
            "territory": territory_text(commune_department(one.code)),
            "link": f"communes/{one.code}{view.permanent()}",
        }
        for one in found.communes
    ]
    entities = [_entity(one.key, one.name, one.department, view) for one in found.entities]
    return {
        **_about(view, completeness, "recherche", q=found.asked),
        "asked": found.asked,
        "too_short": len(found.asked) < LEAST_CHARACTERS,
        "has_more": found.has_more,
        "places": [*communes, *entities],
    }


def _about(view: View, completeness: Completeness, path: str, **kept: object) -> dict[str, Any]:
    """Return what every object says; `kept` are parameters of the page's own."""
    return {
        "as_of": str(view.as_of),
        "known_on": None if view.known_on is None else str(view.known_on),
        "territory": view.territory,
        "territory_name": view.territory_name,
        "complete": completeness.is_complete,
        "completeness": completeness.text,
        "link": f"{path}{view.permanent(**kept)}",
    }


def _milestone(
    milestone: Milestone, one: Standing, view: View, completeness: Completeness
) -> PageObject:
    return {
        "id": milestone.id,
        "name": milestone.name,
        "source": milestone.source,
        "figure": figure_row(one, view, completeness),
        "unexplained": one.unexplained,
        "explanations": [_said(said, view) for said in one.said[:MOST_EXPLANATIONS]],
        "explanations_in_all": len(one.said),
    }


def _said(one: Explanation, view: View) -> PageObject:
    key = EntityKey(Family.EXPLANATIONS, one.entity)
    return {
        "kind": one.kind.word,
        "text": one.text,
        "by": attribution(one),
        "link": f"{key.path}{view.permanent()}",
    }


def _compared(row: ComparedRow, query: str) -> PageObject:
    return {
        "indicator": row.indicator.id,
        "title": row.indicator.title,
        "territory": row.after.territory,
        "regional": row.is_regional,
        "changed": row.has_changed,
        "was": cell_of(row.was),
        "status_was": cell_of(row.before.status),
        "now": cell_of(row.now),
        "status_now": cell_of(row.after.status),
        "change": cell_of(row.change),
        "parts": row.parts,
        "link": f"promesses/{row.indicator.id}/changements{query}",
    }


def _entity(key: EntityKey, name: str, department: str | None, view: View) -> dict[str, Any]:
    return {
        "kind": french_words().entities[key.family],
        "id": key.entity,
        "name": name,
        "territory": territory_text(department),
        "link": f"{key.path}{view.permanent()}",
    }
