"""The demo's Prometheus and Alertmanager, where they are installed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from dashboards.rules.pace import PACES
from dashboards.rules.render import MonitorSite
from operations.programs.addresses import free_address
from operations.programs.alerting import AlertingPrograms, RuleFiles, write_files
from operations.programs.program import Program

NOT_INSTALLED: Final = "Ni règles ni alertes : apt-get install prometheus prometheus-alertmanager"


def start_alerting(
    programs: AlertingPrograms,
    rules: RuleFiles,
    stack: ExitStack,
    folder: Path,
    *,
    worker: str,
    assessor: str,
    page: str,
) -> tuple[tuple[Program, ...], str]:
    """Start the programs on free ports and on files in a folder, until `stack` ends them.

    Returns those that run, and their addresses in French.
    """
    prometheus_address, alertmanager_address = free_address(), free_address()
    prometheus = programs.prometheus_at(
        prometheus_address, folder=folder, logs=folder, stop_seconds=0
    )
    alertmanager = programs.alertmanager_at(
        alertmanager_address, folder=folder, logs=folder, stop_seconds=0
    )
    site = MonitorSite(
        pace=PACES["live"],  # Every second: a simulated day takes less.
        workers=(worker,),
        assessors=(assessor,),
        gateways=(),
        pages=(page,),
        alertmanagers=(alertmanager_address,) if alertmanager else (),
    )
    write_files(rules(site), folder)
    notes = [f"Prometheus : http://{prometheus_address}"]
    if alertmanager:
        stack.enter_context(alertmanager)
        notes.append(f"Alertmanager : http://{alertmanager_address}")
    else:
        notes.append("Alertmanager n’est pas installé")
    stack.enter_context(prometheus)
    started = (alertmanager, prometheus) if alertmanager else (prometheus,)
    return started, " · ".join(notes)
