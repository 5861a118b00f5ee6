"""The demo's Prometheus and Alertmanager, where they are installed: figures that also ring."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from streams.demo.program import Program

__all__ = ["NOT_INSTALLED", "Alerting", "AlertingPrograms", "RuleFiles"]

HOST: Final = "127.0.0.1"
PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
ALERTMANAGER_NAMES: Final = ("prometheus-alertmanager", ALERTMANAGER)
"""As Debian calls it, and as its makers do."""

NOT_INSTALLED: Final = (
    "Prometheus n’est pas installé : ni règles ni alertes"
    " (Debian : apt-get install prometheus prometheus-alertmanager)"
)


class RuleFiles(Protocol):
    """Renders Prometheus' and Alertmanager's files; the door has it from `dashboards`."""

    def __call__(
        self, *, worker: str, assessor: str, alertmanagers: Sequence[str]
    ) -> Mapping[str, str]:
        """Return the files' contents by their places; the addresses are HOST:PORT."""


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


@dataclass(frozen=True, slots=True)
class Alerting:
    """What runs, and where it is looked at."""

    programs: tuple[Program, ...]
    told: str
    """The addresses, in French."""

    @classmethod
    def start(
        cls,
        programs: AlertingPrograms,
        rules: RuleFiles,
        stack: ExitStack,
        *,
        worker: str,
        assessor: str,
    ) -> Self:
        """Start them on ports and in a folder of their own, until `stack` ends them."""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smart-region-")))
        prometheus, alertmanager = _free_address(), _free_address()
        alertmanagers = (alertmanager,) if programs.alertmanager else ()
        _write(rules(worker=worker, assessor=assessor, alertmanagers=alertmanagers), folder)
        started, told = [], [f"Prometheus : http://{prometheus}"]
        if programs.alertmanager:
            command = (programs.alertmanager, *_alertmanager_options(folder, alertmanager))
            started.append(stack.enter_context(Program(ALERTMANAGER, command)))
            told.append(f"Alertmanager : http://{alertmanager}")
        else:
            told.append("Alertmanager n’est pas installé")
        command = (programs.prometheus, *_prometheus_options(folder, prometheus))
        started.append(stack.enter_context(Program(PROMETHEUS, command)))
        return cls(tuple(started), " · ".join(told))


def _alertmanager_options(folder: Path, address: str) -> Sequence[str]:
    return (
        f"--config.file={folder / 'alertmanager' / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'alertmanager' / 'data'}",
        f"--web.listen-address={address}",
        f"--web.external-url=http://{address}",
        # Alone: no gossip, no port for it.
        "--cluster.listen-address=",
    )


def _prometheus_options(folder: Path, address: str) -> Sequence[str]:
    return (
        f"--config.file={folder / 'prometheus' / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus' / 'data'}",
        f"--web.listen-address={address}",
        f"--web.external-url=http://{address}",
    )


def _write(files: Mapping[str, str], folder: Path) -> None:
    for place, text in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")


def _free_address() -> str:
    """Return a loopback address on which the kernel says that nothing listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return f"{HOST}:{probe.getsockname()[1]}"
