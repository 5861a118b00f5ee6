"""Prometheus and Alertmanager, where they are installed, on files rendered from the catalogue."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self, TypeAlias

from catalogue.contacts import Contacts
from catalogue.model import Catalogue
from dashboards.rules.render import render
from dashboards.rules.site import MonitorSite
from operations.programs.program import Program

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
ALERTMANAGER_NAMES: Final = ("prometheus-alertmanager", ALERTMANAGER)
"""Debian's name of it, and upstream's."""

STOP_SECONDS: Final = 10.0

PROGRAMME_YEARS: Final = 15
PROGRAMME_RETENTION: Final = f"{PROGRAMME_YEARS}y"
"""The retention of our own Prometheus: from 2016 on, and years to come."""

FOR_GRACE_PERIOD: Final = "1m"
"""An alert that waits for less begins anew where Prometheus restarts. By its default of ten minutes
most would end meanwhile, with a message that all is well, and be sent again."""

RuleFiles: TypeAlias = Callable[[MonitorSite], Mapping[str, str]]
"""Returns the contents of Prometheus' and Alertmanager's files by path, for a site."""


def rule_files(catalogue: Catalogue, site: MonitorSite) -> Mapping[str, str]:
    """Return the files of a catalogue for a site; alerts are shown there, and notify nobody."""
    nobody = Contacts.nobody(programme.id for programme in catalogue.programmes)
    return render(catalogue, replace(site, contacts=nobody))


@dataclass(frozen=True, slots=True)
class AlertingPrograms:
    """The paths of the programs; without Alertmanager alerts are shown and notify nobody."""

    prometheus: str
    alertmanager: str | None

    @classmethod
    def installed(cls) -> Self | None:
        """Find them on the path; None where Prometheus is not."""
        prometheus = shutil.which(PROMETHEUS)
        if prometheus is None:
            return None
        return cls(prometheus, next(filter(None, map(shutil.which, ALERTMANAGER_NAMES)), None))

    def prometheus_at(
        self, address: str, *, folder: Path, logs: Path, stop_seconds: float = STOP_SECONDS
    ) -> Program:
        """Return a Prometheus on the files that `write_files` has put into a folder."""
        command = (
            self.prometheus,
            f"--config.file={folder / 'prometheus' / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'prometheus' / 'data'}",
            # As far back as the years that a backfill writes.
            f"--storage.tsdb.retention.time={PROGRAMME_RETENTION}",
            f"--rules.alert.for-grace-period={FOR_GRACE_PERIOD}",
            f"--web.listen-address={address}",
            f"--web.external-url=http://{address}",
        )
        return Program(PROMETHEUS, command, folder=logs, stop_seconds=stop_seconds)

    def alertmanager_at(
        self, address: str, *, folder: Path, logs: Path, stop_seconds: float = STOP_SECONDS
    ) -> Program | None:
        """Return an Alertmanager on the same files; None where there is none."""
        if self.alertmanager is None:
            return None
        command = (
            self.alertmanager,
            f"--config.file={folder / 'alertmanager' / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'alertmanager' / 'data'}",
            f"--web.listen-address={address}",
            f"--web.external-url=http://{address}",
            # Alone: no gossip, no port for it.
            "--cluster.listen-address=",
        )
        return Program(ALERTMANAGER, command, folder=logs, stop_seconds=stop_seconds)


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write rendered files below a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
