"""The alerts about figures: milestones missed, at risk or lost, and unreported indicators.

Milestones are judged by the assessor, from the history of all partitions. Its last samples count
while it exposes none, so that its restart neither fires nor resolves an alert. FiguresDiverge
compares its values with the workers' sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from catalogue import metrics
from catalogue.formatting import NumberFormat, day_text, days_text
from catalogue.metrics import Metric
from catalogue.model import Catalogue, Indicator, Milestone, Programme
from catalogue.progress import MilestoneStatus
from catalogue.territories import TERRITORY_TITLES
from dashboards import conventions
from dashboards.promql import (
    DAY_SECONDS,
    FIGURE,
    days_since,
    in_decimals,
    indented,
    last_known,
    latest,
    of_region,
    on,
    select,
)
from dashboards.rules import alerts, wording
from dashboards.rules.building import AlertBuilder
from dashboards.rules.model import Alert, Recording, RuleGroup
from dashboards.rules.recording import COMPLETE


def promises_group(build: AlertBuilder, catalogue: Catalogue) -> RuleGroup:
    """Return the judgements as they are recorded, then the alerts that are made of them.

    One group, so that an alert is evaluated on what was recorded at the same moment.
    """
    promised = (
        alert
        for programme in catalogue.programmes
        for indicator in programme.indicators
        for alert in _alerts(build, programme, indicator)
    )
    return RuleGroup("smart-region-promises", [*_territories(), *_judgements(), *promised])


def _territories() -> Iterator[Recording]:
    """Yield the names of territories, to be joined on `department`."""
    for code, title in TERRITORY_TITLES.items():
        labels = {"department": code, conventions.TERRITORY: title}
        yield Recording(conventions.TERRITORY_INFO, "vector(1)", labels)


def _judgements() -> Iterator[Recording]:
    """Yield the assessor's judgements without its address: a new instance continues the series."""
    for metric, name in (
        (metrics.INDICATOR_ASSESSED_VALUE, conventions.TERRITORY_ASSESSED),
        (metrics.MILESTONE_STATUS, conventions.MILESTONE_STATUS),
        (metrics.MILESTONE_LOST, conventions.MILESTONE_LOST),
    ):
        yield Recording(name.name, latest(metric, *metric.labels))
    unexplained = latest(metrics.MILESTONE_UNEXPLAINED, *metrics.MILESTONE_UNEXPLAINED.labels)
    judged = latest(metrics.MILESTONE_STATUS, *metrics.MILESTONE_UNEXPLAINED.labels)
    # 0 where nothing is unexplained: an explanation ends the alert, an absent assessor does not.
    yield Recording(
        conventions.MILESTONE_UNEXPLAINED.name,
        f"{days_since(unexplained)}\nor\n(0 * {judged} unless {unexplained})",
    )


def _alerts(build: AlertBuilder, programme: Programme, indicator: Indicator) -> Iterator[Alert]:
    of_programme = partial(build.alert, programme=programme)
    for milestone in indicator.milestones:
        if milestone.target is not None:
            target = NumberFormat.of(indicator).text(float(milestone.target))
            yield from _milestone_alerts(of_programme, indicator, milestone, target)
    unreported = _unreported(indicator)
    if unreported is not None:
        yield _unreported_alert(of_programme, indicator, unreported)


def _milestone_alerts(
    alert: Callable[..., Alert], indicator: Indicator, milestone: Milestone, target: str
) -> Iterator[Alert]:
    for kind, condition, summary, description in (
        (
            alerts.MILESTONE_MISSED,
            _status(indicator, milestone, MilestoneStatus.MISSED),
            "jalon manqué",
            "L’échéance est passée et la cible n’est pas atteinte.",
        ),
        (
            alerts.MILESTONE_AT_RISK,
            _status(indicator, milestone, MilestoneStatus.AT_RISK),
            "jalon à risque",
            _prospect(indicator, milestone),
        ),
        (
            alerts.TARGET_LOST,
            f"{last_known(conventions.MILESTONE_LOST, **_of(indicator, milestone))} == 1",
            "cible perdue",
            _loss(indicator, milestone),
        ),
        (
            alerts.MILESTONE_UNEXPLAINED,
            _unexplained(indicator, milestone),
            f"sans explication depuis {_days_unexplained(indicator, milestone)}",
            _to_explain(indicator, milestone),
        ),
    ):
        yield alert(
            kind,
            with_territory(_with_value(indicator, condition)),
            summary=f"{wording.TERRITORY} : {summary}, « {_named(indicator, milestone)} »",
            description=f"{_standing(indicator, milestone, target)} {description}",
            labels=_of(indicator, milestone),
        )


def _unreported_alert(alert: Callable[..., Alert], indicator: Indicator, condition: str) -> Alert:
    # Of persons the Région's last day alone is exposed; `%.0s` writes nothing of the alert's own.
    protected = indicator.publication is not None
    last = wording.day_from(
        _last_reported(indicator, f"{metrics.REGION}%.0s" if protected else "%s"),
        found=f"Le dernier relevé{' de la Région' if protected else ''} porte sur le %s.",
        absent="Aucun relevé n’a été reçu.",
    )
    expected = ""
    if indicator.reporting_delay_days is not None:
        expected = (
            f" Un relevé est attendu {wording.EXPECTED[indicator.periodicity]}, au plus tard"
            f" {days_text(indicator.reporting_delay_days)} après le précédent."
        )
    title = wording.literal(indicator.title)
    return alert(
        alerts.INDICATOR_UNREPORTED,
        with_territory(condition),
        summary=f"{wording.TERRITORY} : « {title} » n’est pas renseigné",
        description=f"{last}{expected} Un indicateur non renseigné n’est pas un zéro.",
        labels=_of(indicator),
    )


# Expressions


def _of(indicator: Indicator, milestone: Milestone | None = None) -> dict[str, str]:
    """Return the labels that select an indicator's series, or a milestone's."""
    labels = {"indicator": indicator.id}
    return labels if milestone is None else {**labels, "milestone": milestone.id}


def _status(indicator: Indicator, milestone: Milestone, status: MilestoneStatus) -> str:
    labels = {**_of(indicator, milestone), "status": status}
    return f"{last_known(conventions.MILESTONE_STATUS, **labels)} == 1"


def _unexplained(indicator: Indicator, milestone: Milestone) -> str:
    days = last_known(conventions.MILESTONE_UNEXPLAINED, **_of(indicator, milestone))
    return f"{days} > {indicator.explanation_grace_days}"


def _with_value(indicator: Indicator, condition: str) -> str:
    """Return a condition with the indicator's displayed value; 1 where it is withheld."""
    if indicator.publication is not None:
        return latest(indented(condition), *FIGURE)
    assessed = last_known(conventions.TERRITORY_ASSESSED, **_of(indicator))
    value = in_decimals(assessed, NumberFormat.of(indicator))
    return f"{value}\nand {on(*FIGURE)}\n{condition}"


def with_territory(expression: str) -> str:
    """Return an expression's series with the name of their territory."""
    join = f"* {on('department')} group_left ({conventions.TERRITORY})"
    return f"({indented(expression)})\n{join}\n{conventions.TERRITORY_INFO}"


def _unreported(indicator: Indicator) -> str | None:
    """Return when an indicator is unreported; None where it may be silent for ever.

    With a target it is the assessor's status, territory by territory. Without one, it is the age of
    the region's last report; that there is none is only known while every partition is owned.
    """
    if any(milestone.target is not None for milestone in indicator.milestones):
        labels = {**_of(indicator), "status": MilestoneStatus.UNREPORTED}
        status = last_known(conventions.MILESTONE_STATUS, **labels)
        return f"{latest(indented(status), *FIGURE)} == 1"
    if indicator.reporting_delay_days is None:
        return None
    last = _last_reported(indicator, metrics.REGION)
    age = f"(scalar({last_known(conventions.AS_OF)}) - {last}) / {DAY_SECONDS}"
    return "\n".join(
        (
            f"{age} > {indicator.reporting_delay_days}",
            "or",
            of_region(COMPLETE),
            f"unless on () {last}",
        )
    )


def _last_reported(indicator: Indicator, department: str) -> str:
    return last_known(conventions.TERRITORY_LAST_REPORTED, **_of(indicator), department=department)


# Texts


def _named(indicator: Indicator, milestone: Milestone) -> str:
    return wording.literal(milestone.title or indicator.title)


def _standing(indicator: Indicator, milestone: Milestone, target: str) -> str:
    """Return the value, the target and the day."""
    day = "sans échéance" if milestone.day is None else f"au {day_text(milestone.day)}"
    assumed = ", en partie supposée" if milestone.assumed else ""
    value = wording.value_of(wording.VALUE, indicator.unit, decimals=indicator.decimals)
    if indicator.publication is not None:
        value = wording.value_from(
            _assessed(metrics.INDICATOR_ASSESSED_VALUE, indicator),
            indicator,
            absent="valeur protégée par le secret statistique",
        )
    title = wording.literal(indicator.title)
    return f"{title} : {value}, pour une cible de {target} {day}{assumed}."


def _prospect(indicator: Indicator, milestone: Milestone) -> str:
    """Return when the target would be attained, and which pace it takes."""
    projected = wording.day_from(
        _assessed(metrics.MILESTONE_PROJECTED, indicator, milestone),
        found="Au rythme observé, elle serait atteinte le %s.",
        absent="Au rythme actuel, elle est hors d’atteinte.",
    )
    needed = _assessed(metrics.MILESTONE_REQUIRED_PACE, indicator, milestone)
    required = wording.pace_from(needed, indicator, absent="sans objet")
    current = _assessed(metrics.INDICATOR_PACE, indicator)
    observed = wording.pace_from(current, indicator, absent="inconnu")
    return f"{projected} Rythme nécessaire : {required} ; observé : {observed}."


def _loss(indicator: Indicator, milestone: Milestone) -> str:
    since = wording.day_from(
        _assessed(metrics.MILESTONE_LOST_ON, indicator, milestone), found=" depuis le %s", absent=""
    )
    return f"La cible avait été atteinte ; elle ne l’est plus{since}."


def _days_unexplained(indicator: Indicator, milestone: Milestone) -> str:
    return wording.days_from(
        _assessed(conventions.MILESTONE_UNEXPLAINED, indicator, milestone),
        of="department",
        absent=f"plus de {days_text(indicator.explanation_grace_days)}",
    )


def _to_explain(indicator: Indicator, milestone: Milestone) -> str:
    """Return since when nothing is explained, and the command that explains it."""
    since = wording.day_from(
        _assessed(metrics.MILESTONE_UNEXPLAINED, indicator, milestone),
        found=" depuis le %s",
        absent="",
    )
    return (
        f"Le jalon est manqué ou à risque{since}, et personne n’a dit pourquoi ; délai admis :"
        f" {days_text(indicator.explanation_grace_days)}. Le responsable du programme l’explique :"
        f" `smart-region explain --indicator {indicator.id} --milestone {milestone.id}"
        f" --territory {wording.TERRITORY_CODE} --kind cause --role RÔLE TEXTE`."
    )


def _assessed(metric: Metric, indicator: Indicator, milestone: Milestone | None = None) -> str:
    """Return what the assessor exposes of the alert's own département; its last while it is away.

    What it no longer exposes while it judges is no more: a projection that the pace has ended.
    """
    own = {**_of(indicator, milestone), "department": "%[1]s"}
    judging = latest(select(metrics.MILESTONE_STATUS, **_of(indicator)))
    return (
        f"{latest(select(metric, **own))} or ({latest(last_known(metric, **own))} unless {judging})"
    )
