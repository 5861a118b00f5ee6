"""The first sentences of page and note."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from catalogue.explanations import Explanation
from catalogue.progress import MilestoneStatus
from catalogue.territories import TERRITORY_NAMES
from events.milestone import ExplanationKind
from report.note.month import Month
from report.standing import Standing
from report.summary import Summary, summary_of
from report.view import View
from tests.support.knowledge import knowledge, shipped, view
from tests.support.notes import MONTHS

WORDS = {
    MilestoneStatus.ACHIEVED: r"(\S+) des (\d+) promesses datées (?:est|sont|n’est) tenues?",
    MilestoneStatus.MISSED: r"(\d+) (?:est manquée|sont manquées)",
    MilestoneStatus.AT_RISK: r"(\d+) (?:est|sont) à risque",
    MilestoneStatus.UNREPORTED: r"(\d+) (?:n’est pas renseignée|ne sont pas renseignées)",
    MilestoneStatus.ON_TRACK: r"(\d+) (?:est|sont) en bonne voie",
}


EXPLANATION = Explanation(
    "a",
    None,
    date(2019, 6, 30),
    ExplanationKind.CAUSE,
    "Les travaux ont pris du retard.",
    "Cheffe de projet",
    datetime(2019, 6, 30, tzinfo=UTC),
    "urn:a",
    "1",
)


def summary_on(chosen: View, since: date) -> Summary:
    return summary_of(knowledge(), chosen, [*promised(chosen)], since)


def promised(chosen: View) -> Iterator[Standing]:
    """Yield how the dated promises of a territory stand, from the judgements alone."""
    for indicator in shipped().indicators:
        if chosen.department in indicator.territories:
            one = knowledge().standing(indicator, chosen.department, chosen.as_of)
            if one.judgement.status and one.milestone and one.milestone.day:
                yield one


def named_in(text: str, standings: Iterable[Standing]) -> set[str]:
    return {title for one in standings if (title := one.indicator.title) in text}


@pytest.mark.slow
@pytest.mark.parametrize("month", MONTHS)
def test_it_counts_and_names_what_is_judged(month: str) -> None:
    until, since = Month.parse(month).until, Month.parse(month).since
    for territory in TERRITORY_NAMES:
        chosen = view(until).of(territory)
        summary, standings = summary_on(chosen, since), [*promised(chosen)]

        counted = {
            status: 0 if found[1].lower() == "aucune" else int(found[1])
            for status, words in WORDS.items()
            if (found := re.search(words, summary.standing, re.IGNORECASE))
        }
        assert +Counter(counted) == Counter(one.judgement.status for one in standings)
        assert f"des {len(standings)} promesses datées" in summary.standing

        asked = [one for one in standings if one.explained is not None]
        assert summary.decisions.startswith(f"{len(asked)} demande" if asked else "Aucune ")
        silent = {one.indicator.title for one in asked if one.unexplained}
        assert {
            one.indicator.title for one in asked if one.indicator.title in summary.decisions
        } == silent

        moved = set()
        for one in standings:
            (then,) = (
                before
                for before in knowledge().of(one.indicator, chosen.department, since)
                if before.milestone == one.milestone
            )
            if then.judgement.status not in (None, one.judgement.status):
                moved.add(one.indicator.title)
        assert {
            one.indicator.title for one in standings if one.indicator.title in summary.changes
        } == moved


def test_it_is_whole_sentences() -> None:
    summary = summary_on(view(date(2019, 6, 30)), date(2019, 5, 31))

    assert summary.standing.replace("\u00a0", " ") == (
        "Au 30 juin 2019, 1 des 7 promesses datées est tenue ; 3 sont à risque : Lycées connectés"
        " au très haut débit (71,8 %), Lycées équipés pour l’enseignement numérique (54,4 %),"
        " Postes de travail créés (684) ; 1 n’est pas renseignée : Locaux raccordables au très haut"
        " débit (69,6 %) ; 2 sont en bonne voie."
    )


def test_a_single_promise_is_not_counted() -> None:
    day = date(2019, 6, 30)
    connected = knowledge().standing(shipped().indicator("schools_connected_ratio"), None, day)
    summary = summary_of(knowledge(), view(day), [connected], date(2019, 5, 31))

    assert summary.standing.replace("\u00a0", " ") == (
        "Au 30 juin 2019, l’unique promesse datée n’est pas tenue ; elle est à risque :"
        " Lycées connectés au très haut débit (71,8 %)."
    )


@pytest.mark.parametrize(
    ("number", "changes", "decisions"),
    [
        (1, "A changé d’état", "1 demande une décision, et elle est expliquée."),
        (2, "Ont changé d’état", "2 demandent une décision, et toutes deux sont expliquées."),
        (3, "Ont changé d’état", "3 demandent une décision, et toutes sont expliquées."),
    ],
)
def test_numbers_agree(number: int, changes: str, decisions: str) -> None:
    day, since = date(2019, 6, 30), date(2016, 2, 1)
    ids = ("schools_connected_ratio", "schools_equipped_ratio", "workstations_created")
    at_risk = [knowledge().standing(shipped().indicator(id_), None, day) for id_ in ids[:number]]
    said = [replace(one, said=(EXPLANATION,)) for one in at_risk]

    summary = summary_of(knowledge(), view(day), said, since)

    assert summary.changes.startswith(changes)
    assert summary.decisions == decisions


def test_without_a_dated_promise_nothing_is_to_decide() -> None:
    assert summary_of(knowledge(), view(date(2019, 3, 1)), [], date(2019, 1, 31)) == Summary(
        "Au 1er\u00a0mars\u00a02019, aucune promesse datée n’a encore d’état.",
        "Aucune n’a changé d’état depuis le 31\u00a0janvier\u00a02019.",
        "Aucune ne demande de décision.",
    )
