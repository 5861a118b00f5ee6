"""Prometheus and Alertmanager, where they are installed, on files rendered from the catalogue."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from catalogue.contacts import Contacts
from catalogue.model import Catalogue
from dashboards.rules.render import render
from dashboards.rules.site import MonitorSite
from operations.programs.program import Program, answers

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
ALERTMANAGER_NAMES: Final = ("prometheus-alertmanager", ALERTMANAGER)
"""Debian's name of it, and upstream's."""

PROGRAMME_YEARS: Final = 15
PROGRAMME_RETENTION: Final = f"{PROGRAMME_YEARS}y"
"""The retention of our own Prometheus: from 2016 on, and years to come."""

FOR_GRACE_PERIOD: Final = "1m"
"""An alert that waits for less starts over when Prometheus restarts. With Prometheus' own default
of ten minutes most would end meanwhile, with a message that all is well, and be sent again."""


def installed() -> dict[str, str]:
    """Return the paths of the two programs by name; none without Prometheus."""
    prometheus = shutil.which(PROMETHEUS)
    alertmanager = next(filter(None, map(shutil.which, ALERTMANAGER_NAMES)), None)
    if prometheus is None:
        return {}
    return {PROMETHEUS: prometheus, **({ALERTMANAGER: alertmanager} if alertmanager else {})}


def alerting_programs(
    catalogue: Catalogue,
    site: MonitorSite,
    *,
    prometheus: str,
    alertmanager: str,
    folder: Path,
    logs: Path,
    stop_seconds: float,
) -> dict[str, Program]:
    """Write a site's rules into a folder; return those of the two programs that are installed.

    They serve at the two addresses, and their alerts notify no person. There are none without
    Prometheus; without Alertmanager alerts are shown on Prometheus alone.
    """
    paths = installed()
    if not paths:
        return {}
    site = replace(
        site,
        alertmanagers=(alertmanager,) if ALERTMANAGER in paths else (),
        contacts=Contacts.nobody(programme.id for programme in catalogue.programmes),
    )
    for path, text in render(catalogue, site).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    options = {
        ALERTMANAGER: (
            f"--config.file={folder / 'alertmanager' / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'alertmanager' / 'data'}",
            # Alone: no gossip, no port for it.
            "--cluster.listen-address=",
        ),
        PROMETHEUS: (
            f"--config.file={folder / 'prometheus' / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'prometheus' / 'data'}",
            # As far back as the years that a backfill writes.
            f"--storage.tsdb.retention.time={PROGRAMME_RETENTION}",
            f"--rules.alert.for-grace-period={FOR_GRACE_PERIOD}",
        ),
    }
    return {
        name: Program(
            name,
            (
                paths[name],
                *options[name],
                f"--web.listen-address={address}",
                f"--web.external-url=http://{address}",
            ),
            folder=logs,
            is_ready=answers(f"http://{address}/-/ready"),
            stop_seconds=stop_seconds,
        )
        for name, address in ((ALERTMANAGER, alertmanager), (PROMETHEUS, prometheus))
        if name in paths
    }
