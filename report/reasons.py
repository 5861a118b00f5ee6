"""Why a figure, a target or a projection is missing: in French, for every empty cell."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import Final

from catalogue.formatting import day_text
from catalogue.history import History
from catalogue.judgement import CHANGE_DAYS, Judgement, changed_since
from catalogue.progress import MilestoneStatus, is_attained, is_stale

WITHHELD: Final = "trop peu de personnes pour être publié"
NO_MILESTONE: Final = "la promesse n’énonce pas de cible"
NO_TARGET: Final = "la promesse ne chiffre pas cette cible"
NO_DEADLINE: Final = "la promesse ne fixe pas d’échéance"
NOT_HELD: Final = "la promesse ne fixe pas de cible à ce territoire"
NO_BASELINE: Final = "la valeur de départ n’est pas connue"
NO_FACT: Final = "aucun fait reçu"
NOTHING_TO_EXPLAIN: Final = "ni manqué ni à risque"


def no_value(history: History, day: date) -> str:
    """Return why a history has no value on a day."""
    if history.withholds(day):
        return WITHHELD
    if not history.reports:
        return NO_FACT
    first = history.reports[0]
    if day < first:
        return f"commence le {day_text(first)}"
    return f"pas de taux : le dénominateur est nul depuis le {day_text(_zero_since(history, day))}"


def _zero_since(history: History, day: date) -> date:
    """Return the day since which a denominator that is 0 on a day has been 0."""
    days = () if history.denominator is None else history.denominator.days
    changes = bisect_right(days, day)
    return days[changes - 1] if changes else history.reports[0]


def no_status(judgement: Judgement) -> str:
    """Return why a figure has no status."""
    if judgement.milestone is None:
        held = judgement.indicator.milestones
        return NOT_HELD if held else NO_MILESTONE
    if judgement.milestone.target is None:
        return NO_TARGET
    return WITHHELD


def no_progress(judgement: Judgement, history: History) -> str:
    """Return why a figure has no progress rate."""
    if judgement.status is None:
        return no_status(judgement)
    if judgement.value is None:
        return no_value(history, judgement.as_of)
    return NO_BASELINE


def no_projection(judgement: Judgement, history: History) -> str:
    """Return why a target has no projected day."""
    milestone = judgement.milestone
    if milestone is None or milestone.target is None or judgement.status is None:
        return no_status(judgement)
    if judgement.value is None:
        return no_value(history, judgement.as_of)
    if is_attained(judgement.value, milestone.target, judgement.indicator.direction):
        return "la cible est atteinte"
    return no_pace(judgement) or "hors d’atteinte au rythme actuel"


def no_pace(judgement: Judgement) -> str:
    """Return why there is no observed pace; empty where there is one."""
    if judgement.trend is not None:
        return ""
    if is_outdated(judgement):
        return f"relevés trop anciens : le dernier est du {day_text(judgement.last_reported)}"
    if judgement.last_reported is None:
        return NO_FACT
    return f"moins de {judgement.indicator.trend.at_least} relevés sur la période : pas de tendance"


def no_required_pace(judgement: Judgement, history: History, as_of: date) -> str:
    """Return why there is no required pace, seen from a day."""
    milestone = judgement.milestone
    if milestone is None or milestone.target is None or judgement.status is None:
        return no_status(judgement)
    if milestone.day is None:
        return NO_DEADLINE
    value, direction = judgement.value, judgement.indicator.direction
    # It may be attained and unreported, or withheld and at most the target.
    held = value is not None and is_attained(value, milestone.target, direction)
    if held or judgement.status is MilestoneStatus.ACHIEVED:
        return "la cible est atteinte"
    if milestone.day <= as_of:
        return "l’échéance est passée" if milestone.day < as_of else "l’échéance est ce jour"
    return no_value(history, judgement.as_of)


def no_change(judgement: Judgement, history: History) -> str:
    """Return why there is no change since `changed_since`."""
    if judgement.value is None:
        return no_value(history, judgement.as_of)
    before = changed_since(history, judgement.as_of)
    when = f"{CHANGE_DAYS} jours plus tôt" if history.publication is None else day_text(before)
    return f"{when} : {no_value(history, before)}"


def is_outdated(judgement: Judgement) -> bool:
    """Return True where reports of a milestone are missing that were due."""
    milestone = judgement.milestone
    return judgement.last_reported is not None and is_stale(
        judgement.last_reported,
        day=None if milestone is None else milestone.day,
        reporting_delay_days=judgement.indicator.reporting_delay_days,
        as_of=judgement.as_of,
    )
