"""What the alerts about the monitor and its producers have in common: labels, links, patience."""

from __future__ import annotations

from typing import Final

from dashboards import conventions
from dashboards.conventions import Links
from dashboards.rules import alerts
from dashboards.rules.alerts import AlertKind
from dashboards.rules.model import Alert
from dashboards.rules.pace import Pace
from dashboards.rules.promises import alert_annotations

__all__ = ["MONITOR_TITLE", "AlertBuilder"]

MONITOR_TITLE: Final = "Moniteur Smart Région"


class AlertBuilder:
    """Makes alerts that differ only in what they say and look at."""

    def __init__(self, pace: Pace, links: Links) -> None:
        self._pace = pace
        self._links = links

    def alert(
        self,
        kind: AlertKind,
        expression: str,
        *,
        summary: str,
        description: str,
        board: str = conventions.PIPELINE_BOARD,
        title: str = MONITOR_TITLE,
        labels: dict[str, str] | None = None,
    ) -> Alert:
        """Make one: about the monitor itself, unless `title` and `labels` name a programme."""
        own = {
            conventions.SEVERITY: kind.severity.value,
            conventions.SCOPE: kind.scope.value,
            conventions.PROGRAMME: conventions.MONITOR,
            conventions.OWNER: conventions.MONITOR_OWNER,
        }
        if kind.silences_figures:
            own[conventions.SILENCES] = alerts.Scope.FIGURES.value
        return Alert(
            name=kind.name,
            expression=expression,
            patience=self._pace.patience(kind),
            keeps=self._pace.keeps(kind),
            labels=own | (labels or {}),
            annotations=alert_annotations(
                kind,
                self._links,
                title=title,
                summary=summary,
                description=description,
                board=self._links.board(board),
            ),
        )
