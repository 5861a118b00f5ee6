"""What all alerts have in common: their labels, links, pending period and keep_firing_for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from catalogue.model import Programme
from dashboards import conventions
from dashboards.conventions import Links
from dashboards.rules.alerts import AlertKind, Scope
from dashboards.rules.model import Alert
from dashboards.rules.pace import Pace
from dashboards.rules.wording import literal

MONITOR_TITLE: Final = "Moniteur Smart Région"


class AlertBuilder:
    """Builds alerts that differ only in their expressions and texts."""

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
        programme: Programme | None = None,
        board: str = conventions.PIPELINE_BOARD,
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> Alert:
        """Return an alert about a programme; None: about the monitor itself.

        `board` is the uid of the board that it links to; an alert about figures links to its
        programme's, with its territory chosen.
        """
        programme_id, owner, title = conventions.MONITOR, conventions.MONITOR_OWNER, MONITOR_TITLE
        if programme is not None:
            programme_id, owner, title = programme.id, programme.owner, literal(programme.title)
        address = self._links.board(board)
        if programme is not None and kind.scope is Scope.FIGURES:
            chosen = {conventions.DEPARTMENT_VARIABLE: "{{ $labels.department }}"}
            address = self._links.board(conventions.programme_board(programme.id), **chosen)
        own = {
            conventions.SEVERITY: kind.severity.value,
            conventions.SCOPE: kind.scope.value,
            conventions.PROGRAMME: programme_id,
            conventions.OWNER: owner,
        }
        if kind.silences_figures:
            own[conventions.SILENCES] = Scope.FIGURES.value
        return Alert(
            name=kind.name,
            expression=expression,
            pending=self._pace.pending(kind),
            keep_firing_for=self._pace.keep_firing_for(kind),
            labels={**own, **labels},
            annotations={
                "summary": summary,
                "description": description,
                "programme_title": title,
                "runbook_url": self._links.runbook(kind.name),
                "dashboard_url": address,
            },
        )
