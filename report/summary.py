"""The first sentences of page and note: which promises are kept, and what needs a decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from catalogue.explanations import SLIPPING
from catalogue.formatting import count_text, days_text, long_day_text
from catalogue.progress import MilestoneStatus
from catalogue.territories import REGION
from report.knowledge import Knowledge
from report.standing import Standing
from report.view import View

NAMED: Final = 3
"""How many promises of one status are named; the others are counted."""

#: One promise and several of a status, in the order in which the sentence has them.
_WORDS: Final = {
    MilestoneStatus.ACHIEVED: ("est tenue", "sont tenues"),
    MilestoneStatus.MISSED: ("est manquée", "sont manquées"),
    MilestoneStatus.AT_RISK: ("est à risque", "sont à risque"),
    MilestoneStatus.UNREPORTED: ("n’est pas renseignée", "ne sont pas renseignées"),
    MilestoneStatus.ON_TRACK: ("est en bonne voie", "sont en bonne voie"),
}
_NOW: Final = {
    MilestoneStatus.ACHIEVED: "tenue",
    MilestoneStatus.MISSED: "manquée",
    MilestoneStatus.AT_RISK: "à risque",
    MilestoneStatus.UNREPORTED: "non renseignée",
    MilestoneStatus.ON_TRACK: "en bonne voie",
}
_NAMED: Final = SLIPPING | {MilestoneStatus.UNREPORTED}


@dataclass(frozen=True, slots=True)
class Summary:
    """Three French sentences about the promises that have a target and a day."""

    standing: str
    """How many are kept, and which are not."""
    changes: str
    """Which have another status than on an earlier day."""
    decisions: str
    """How many are missed or at risk, and which of them nobody has explained."""


def summary_of(knowledge: Knowledge, view: View, dated: Sequence[Standing], since: date) -> Summary:
    """Return the summary of a view's dated promises, the worst of which come first.

    `since` is the earlier day with which statuses are compared.
    """
    return Summary(
        _standing(view, dated),
        _changes(knowledge, dated, since),
        _decisions([one for one in dated if one.judgement.status in SLIPPING]),
    )


def _standing(view: View, dated: Sequence[Standing]) -> str:
    day = long_day_text(view.as_of)
    opening = f"Au {day}, " if view.territory == REGION else f"{view.territory_name}, au {day} : "
    if not dated:
        return f"{opening}aucune promesse datée n’a encore d’état."
    parts = list(_by_status(dated))
    return f"{opening}{' ; '.join(parts)}."


def _by_status(dated: Sequence[Standing]) -> Iterator[str]:
    """Yield what the sentence says of each status; first of the promises that are kept."""
    total = len(dated)
    whole = "l’unique promesse datée" if total == 1 else f"{total} promesses datées"
    for status, (one_is, many_are) in _WORDS.items():
        own = [one for one in dated if one.judgement.status is status]
        count = count_text(len(own))
        if status is MilestoneStatus.ACHIEVED:
            if total == 1:
                yield f"{whole} {one_is}" if own else f"{whole} n’est pas tenue"
            elif not own:
                yield f"aucune des {whole} n’est tenue"
            elif len(own) == total:
                yield f"les {whole} {many_are}"
            else:
                yield f"{count} des {whole} {many_are if len(own) > 1 else one_is}"
        elif own:
            names = f" : {_names(own)}" if status in _NAMED else ""
            yield f"{'elle' if total == 1 else count} {many_are if len(own) > 1 else one_is}{names}"


def _names(standings: Sequence[Standing]) -> str:
    """Return the first promises with their values, and how many others there are."""
    named = [_named(one, one.value.text or "sans valeur") for one in standings[:NAMED]]
    left = len(standings) - len(named)
    others = f" et {count_text(left)} autre{'s' if left > 1 else ''}" if left else ""
    return f"{', '.join(named)}{others}"


def _named(standing: Standing, about: str) -> str:
    return f"{standing.indicator.title} ({about})"


def _changes(knowledge: Knowledge, dated: Sequence[Standing], since: date) -> str:
    changed = []
    for now in dated:
        earlier = knowledge.of(now.indicator, now.judgement.department, since)
        (then,) = [one for one in earlier if one.milestone == now.milestone]
        status, before = now.judgement.status, then.judgement.status
        if status and before and status is not before:
            changed.append(_named(now, f"{_NOW[status]}, {_NOW[before]} auparavant"))
    day = long_day_text(since)
    if not changed:
        return f"Aucune n’a changé d’état depuis le {day}."
    opening = "Ont changé" if len(changed) > 1 else "A changé"
    return f"{opening} d’état depuis le {day} : {', '.join(changed)}."


def _decisions(asked: Sequence[Standing]) -> str:
    if not asked:
        return "Aucune ne demande de décision."
    sentence = f"{count_text(len(asked))} demande{'nt' if len(asked) > 1 else ''} une décision"
    silent = [
        _named(one, f"depuis {days_text(days)}" if days else "depuis ce jour")
        for one in asked
        if one.explained is not None
        and (days := one.explained.unexplained_days(one.as_of)) is not None
    ]
    if not silent:
        explained = {1: "elle est expliquée", 2: "toutes deux sont expliquées"}
        return f"{sentence}, et {explained.get(len(asked), 'toutes sont expliquées')}."
    return f"{sentence} ; sans explication : {', '.join(silent)}."
