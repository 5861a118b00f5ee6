"""The alerts: `templates/alerts.yaml.jinja` has each once, here they become Prometheus' rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cache, partial
from itertools import groupby
from typing import Any, Final, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict

from catalogue import metrics
from catalogue.formatting import NumberFormat
from catalogue.model import Catalogue, Indicator, Milestone, Programme
from catalogue.reporting import needed_until
from catalogue.territories import territory_key
from dashboards import conventions
from dashboards.promql import DAY_SECONDS, last_known, latest, on, one_of, select
from dashboards.rules.site import MonitorSite, duration
from dashboards.rules.templates import filled, literal, one_line, template_text

Rule: TypeAlias = dict[str, Any]
"""An entry of a rule file: a recording rule or an alert."""

MONITOR_TITLE: Final = "Moniteur Smart Région"
NAMED_PRODUCER: Final = last_known(metrics.PRODUCER_INFO, producer="%s")
_MINUTE: Final = 60


class Severity(StrEnum):
    """How soon an alert needs action."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Scope(StrEnum):
    """What an alert is about, and so who receives it."""

    FIGURES = "figures"
    PRODUCERS = "producers"
    PIPELINE = "pipeline"


class AlertCase(BaseModel):
    """When an alert fires and what it says: templates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expr: str
    summary: str
    description: str
    labels: Mapping[str, str] = {}


class AlertKind(AlertCase):
    """An alert, whatever it is about this time; see `templates/alerts.yaml.jinja`."""

    name: str
    scope: Scope
    severity: Severity
    after: int
    keep_firing: int = 0
    silences_figures: bool = False
    """True where it means that the figures, and alerts about them, are not to be relied on."""
    meaning: str
    """One English sentence, for the index of the runbooks."""
    each: Literal["milestone", "indicator", "report", "programme"] | None = None
    board: str = conventions.PIPELINE_BOARD
    """The board that it links to; one about figures links to its programme's."""
    also: AlertCase | None = None

    @property
    def pending(self) -> int:
        """How long its expression holds before it fires, in seconds."""
        return self.after * _MINUTE


@cache
def alert_kinds() -> tuple[AlertKind, ...]:
    """Return every alert, in the order of the table."""
    table = yaml.safe_load(template_text("alerts.yaml.jinja"))
    kinds = (AlertKind.model_validate(one) for one in table)
    return tuple(one.model_copy(update={"meaning": filled(one.meaning)}) for one in kinds)


def figure_alerts(catalogue: Catalogue, site: MonitorSite) -> Iterator[Rule]:
    """Yield the alerts about milestones, and about reports that are due or did not come."""
    for programme in catalogue.programmes:
        for indicator in programme.indicators:
            judged = [one for one in indicator.milestones if one.target is not None]
            about: list[tuple[str, Milestone | None]] = [("milestone", one) for one in judged]
            # Without a target and a delay it may be silent for ever.
            if judged or indicator.reporting_delay_days is not None:
                about.append(("indicator", None))
            if indicator.periodicity.reminder_days is not None:
                about.append(("report", None))
            for each, milestone in about:
                words = _words_of(indicator, milestone)
                for kind in alert_kinds():
                    if kind.each == each:
                        yield from _alerts(kind, site, programme, words)


def monitor_alerts(catalogue: Catalogue, site: MonitorSite) -> Iterator[Rule]:
    """Yield the alerts about the monitor itself, and those about who feeds it."""
    others = (kind for kind in alert_kinds() if kind.each in (None, "programme"))
    titles = {one.id: f"« {one.title} »" for one in catalogue.indicators}
    for each, kinds in groupby(others, key=lambda kind: kind.each):
        programmes = () if each is None else catalogue.programmes
        together = tuple(kinds)
        for programme in (*programmes, None):
            words = {"titles": titles, **_words_about_producers(programme)}
            for kind in together:
                yield from _alerts(kind, site, programme, words)


def _alerts(
    kind: AlertKind, site: MonitorSite, programme: Programme | None, words: Mapping[str, object]
) -> Iterator[Rule]:
    is_figure = kind.scope is Scope.FIGURES
    factor = site.pace.figures if is_figure else site.pace.pipeline
    owner, title = conventions.MONITOR_OWNER, MONITOR_TITLE
    if programme is not None:
        owner, title = programme.owner, literal(programme.title)
    board = site.links.board(kind.board)
    if programme is not None and is_figure:
        chosen = {conventions.DEPARTMENT_VARIABLE: "{{ $labels.department }}"}
        board = site.links.board(conventions.programme_board(programme.id), **chosen)
    labels = {
        conventions.SEVERITY: kind.severity.value,
        conventions.SCOPE: kind.scope.value,
        conventions.PROGRAMME: conventions.MONITOR if programme is None else programme.id,
        conventions.OWNER: owner,
    }
    if kind.silences_figures:
        labels[conventions.SILENCES] = Scope.FIGURES.value
    if isinstance(about := words.get("about"), dict):
        labels |= about
    for case in (kind,) if kind.also is None else (kind, kind.also):
        rule: Rule = {
            "alert": kind.name,
            "expr": filled(case.expr, words),
            "for": duration(kind.pending * factor),
        }
        if kind.keep_firing:
            rule["keep_firing_for"] = duration(kind.keep_firing * _MINUTE * factor)
        yield rule | {
            "labels": {**labels, **case.labels},
            "annotations": {
                "summary": one_line(filled(case.summary, words)),
                "description": one_line(filled(case.description, words)),
                "programme_title": title,
                "runbook_url": site.links.runbook(kind.name),
                "dashboard_url": board,
            },
        }


def _words_of(indicator: Indicator, milestone: Milestone | None) -> Mapping[str, object]:
    """Return what the templates about an indicator, or about one of its milestones, may name."""
    about = {"indicator": indicator.id}
    words: dict[str, object] = {
        "indicator": indicator,
        "title": literal(indicator.title),
        "has_target": any(one.target is not None for one in indicator.milestones),
        "delay": indicator.reporting_delay_days,
        "is_protected": indicator.publication is not None,
        "last_report": lambda department: last_known(
            conventions.TERRITORY_LAST_REPORTED, indicator=indicator.id, department=department
        ),
    }
    if indicator.periodicity.reminder_days is not None:
        words |= {
            "due": _due(indicator, indicator.periodicity.reminder_days),
            "feeding": last_known(metrics.PRODUCER_PROGRAMME, indicator=indicator.id),
            "named": NAMED_PRODUCER,
        }
    if milestone is not None:
        words |= {
            "milestone": milestone,
            "promise": literal(milestone.title or indicator.title),
            "target": NumberFormat.of(indicator).text(
                None if milestone.target is None else float(milestone.target)
            ),
            "assessed": partial(_assessed, indicator, milestone),
        }
        about |= {"milestone": milestone.id}
    labels = ", ".join(f'{label}="{value}"' for label, value in about.items())
    return {**words, "about": about, "labels": labels}


def _due(indicator: Indicator, reminder_days: int) -> str:
    """Return the territories whose report is due within some days, each with its last day for it.

    As `catalogue.reporting.due_day` has it: after a milestone's day no report is needed.
    """
    by_end: dict[date, list[str]] = defaultdict(list)
    for department, until in needed_until(indicator).items():
        by_end[until].append(territory_key(department))
    reports = []
    for until, territories in by_end.items():
        last = last_known(
            conventions.TERRITORY_LAST_REPORTED,
            indicator=indicator.id,
            department=one_of(territories),
        )
        due = f"{last} + {indicator.reporting_delay_days} * {DAY_SECONDS}"
        midnight = (until - date(1970, 1, 1)) // timedelta(seconds=1)
        reports.append(due if until == date.max else f"({due} < {midnight})")
    today = f"scalar({last_known(conventions.AS_OF)})"
    return f"({' or '.join(reports)}) >= {today} <= {today} + {reminder_days} * {DAY_SECONDS}"


def _assessed(indicator: Indicator, milestone: Milestone, metric: str) -> str:
    """Return what the assessor exposes of the alert's own département; its last while it is gone.

    A metric of milestones is this one's. What the assessor no longer exposes while it judges is no
    more: a projection that the pace has ended.
    """
    own = {"indicator": indicator.id}
    if "milestone" in metric:
        own |= {"milestone": milestone.id}
    own |= {"department": "%[1]s"}
    judging = latest(select(metrics.MILESTONE_STATUS, indicator=indicator.id))
    return (
        f"{latest(select(metric, **own))} or ({latest(last_known(metric, **own))} unless {judging})"
    )


def _words_about_producers(programme: Programme | None) -> Mapping[str, object]:
    """Return what the templates about who feeds a programme may name; None: no programme."""
    labels = {} if programme is None else {"programme": programme.id}
    feeding = last_known(metrics.PRODUCER_PROGRAMME, **labels)
    return {
        "programme": programme,
        "named": NAMED_PRODUCER,
        "feeding": f"{'unless' if programme is None else 'and'} {on('producer')}\n{feeding}",
        "harmless": "Aucun chiffre n’en dépend aujourd’hui.",
    }
