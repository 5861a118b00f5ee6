"""Prometheus and Alertmanager, where they are installed, on files made of the catalogue."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from catalogue.model import Catalogue
from dashboards.rules.contacts import Contacts
from dashboards.rules.pace import PACES
from dashboards.rules.render import MonitorSite, render
from operations.programs.program import Program
from operations.prometheus_api import PROGRAMME_RETENTION

__all__ = [
    "ALERTMANAGER",
    "ALERTMANAGER_NAMES",
    "PROMETHEUS",
    "AlertingPrograms",
    "RuleFiles",
    "Scraped",
    "rule_files",
    "write_files",
]

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
ALERTMANAGER_NAMES: Final = ("prometheus-alertmanager", ALERTMANAGER)
"""As Debian calls it, and as its makers do."""

STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Scraped:
    """Whom Prometheus asks, and whom it tells; all HOST:PORT."""

    workers: tuple[str, ...]
    assessors: tuple[str, ...]
    gateways: tuple[str, ...] = ()
    alertmanagers: tuple[str, ...] = ()


class RuleFiles(Protocol):
    """Renders a catalogue's files: `rule_files` with the catalogue given."""

    def __call__(self, scraped: Scraped, *, pace: str) -> Mapping[str, str]:
        """Return the files' contents by path; `pace` is `steady` or `live`."""


def rule_files(catalogue: Catalogue, scraped: Scraped, *, pace: str) -> Mapping[str, str]:
    """Return the contents of Prometheus' and Alertmanager's files by path.

    `pace` is `steady` or `live`.
    """
    site = MonitorSite(
        pace=PACES[pace],
        contacts=Contacts.nobody(programme.id for programme in catalogue.programmes),
        workers=scraped.workers,
        assessors=scraped.assessors,
        gateways=scraped.gateways,
        alertmanagers=scraped.alertmanagers,
    )
    return render(catalogue, site)


@dataclass(frozen=True, slots=True)
class AlertingPrograms:
    """Where the programs are on this machine; without Alertmanager alerts are seen, not told."""

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
        self, address: str, *, folder: Path, logs: Path, grace: float = STOP_SECONDS
    ) -> Program:
        """Give a Prometheus on the files that `write_files` has put into a folder."""
        command = (
            self.prometheus,
            f"--config.file={folder / 'prometheus' / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'prometheus' / 'data'}",
            # As far back as the years that a backfill writes.
            f"--storage.tsdb.retention.time={PROGRAMME_RETENTION}",
            f"--web.listen-address={address}",
            f"--web.external-url=http://{address}",
        )
        return Program(PROMETHEUS, command, folder=logs, grace=grace)

    def alertmanager_at(
        self, address: str, *, folder: Path, logs: Path, grace: float = STOP_SECONDS
    ) -> Program | None:
        """Give an Alertmanager on the same files; None where there is none."""
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
        return Program(ALERTMANAGER, command, folder=logs, grace=grace)


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Put rendered files into their places in a folder."""
    for place, text in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
