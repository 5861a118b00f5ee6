"""The index of the runbooks, written from the list of alerts."""

from __future__ import annotations

from dashboards.conventions import runbook_file
from dashboards.rules.alerts import KINDS, AlertKind, Scope
from dashboards.rules.model import duration

_HEAD = """\
<!-- Generated from dashboards/rules/alerts.py by `smart-region generate`. Do not edit. -->

# Runbooks

What to do when an alert fires. Each page says what the alert means, what its impact is, what to
look at and what to do. [Alerting](../alerting.md) says who is notified.
"""

_COLUMNS = "| alert | severity | after | meaning |\n|---|---|---|---|"

_SECTIONS = {
    Scope.FIGURES: (
        "About figures",
        "For the owner of the programme at once, and for the delegate once a day.",
    ),
    Scope.PRODUCERS: ("About producers", "For the owner of the programme and the operator."),
    Scope.PIPELINE: (
        "About the monitor itself",
        "For the operator. An alert marked ⏸ inhibits those about figures and producers.",
    ),
}


def runbooks_page() -> str:
    """Return the page: every alert with its severity, its pending period and its meaning."""
    parts = [_HEAD]
    for scope, (title, readers) in _SECTIONS.items():
        rows = "\n".join(_row(kind) for kind in KINDS if kind.scope is scope)
        parts.append(f"## {title}\n\n{readers}\n\n{_COLUMNS}\n{rows}\n")
    return "\n".join(parts)


def _row(kind: AlertKind) -> str:
    mark = " ⏸" if kind.silences_figures else ""
    link = f"[{kind.name}]({runbook_file(kind.name)}){mark}"
    return f"| {link} | {kind.severity} | {duration(kind.pending)} | {kind.meaning} |"
