"""The stack's folder: what it keeps from one run to the next; one stack at a time locks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from boundary.errors import SmartRegionError
from boundary.file_lock import FileLockedError, lock_file
from boundary.private_files import close_folder
from boundary.whole_file import whole_file
from events.producers.model import Producers
from events.producers.secrets import Scheme, issue, token_digest


@dataclass(frozen=True, slots=True)
class StackCredentials:
    """A folder with each producer's own secrets, and the gateway's file of them all."""

    folder: Path

    @classmethod
    def kept_in(cls, folder: Path, producers: Producers) -> Self:
        """Issue the secrets that declared producers do not have yet; others stay valid.

        The gateway's file is rewritten: producers that are not declared any more are not in it.
        Raises FileUnwritableError.
        """
        close_folder(folder)
        credentials = cls(folder)
        known = {}
        for producer in producers:
            for scheme in Scheme:
                file = credentials.file_of(producer.id, scheme)
                if not file.exists():
                    _write(file, f"{issue(producer.id, scheme).secret.get_secret_value()}\n")
            token = credentials.file_of(producer.id, Scheme.BEARER).read_text().strip()
            signing = credentials.file_of(producer.id, Scheme.SIGNATURE).read_text().strip()
            known[producer.id] = {"bearer_sha256": [token_digest(token)], "signing": [signing]}
        _write(credentials.for_the_gateway, yaml.safe_dump(known, sort_keys=False))
        return credentials

    @property
    def for_the_gateway(self) -> Path:
        """The secrets file of the gateway."""
        return self.folder / "gateway.yaml"

    def file_of(self, producer: str, scheme: Scheme) -> Path:
        """Return where a producer's secret is: its text, and nothing else."""
        return self.folder / f"{producer}.{scheme}"


def _write(file: Path, text: str) -> None:
    with whole_file(file, private=True) as stream:
        stream.write(text.encode())


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a stack. To start from nothing, remove it."""

    path: Path

    @classmethod
    @contextmanager
    def held(cls, path: Path) -> Iterator[Self]:
        """Create the folder where there is none, and lock it for the block.

        Raises SmartRegionError.
        """
        folder = cls(path.resolve())
        try:
            # Data and logs hold events: for the owner alone, also where an older release left
            # them open.
            for part in (folder.logs, folder.kafka, folder.secrets, folder.alerting, folder.page):
                close_folder(part)
            lock = lock_file(folder.path / "lock")
        except FileLockedError as error:
            raise SmartRegionError(
                f"folder: another stack runs in {folder.path}: end that one, or give this one a"
                " folder of its own with --folder"
            ) from error
        except OSError as error:
            raise SmartRegionError(
                f"folder: cannot keep anything in {folder.path} ({error.strerror}): name another"
                " with --folder"
            ) from error
        with lock:
            yield folder

    @property
    def logs(self) -> Path:
        """A log for each process."""
        return self.path / "logs"

    @property
    def kafka(self) -> Path:
        """The broker's settings and data: every event that was accepted, and the states."""
        return self.path / "kafka"

    @property
    def secrets(self) -> Path:
        """The producers' secrets."""
        return self.path / "secrets"

    @property
    def ports(self) -> Path:
        """The file of the ports of the last start."""
        return self.path / "ports.json"

    @property
    def page(self) -> Path:
        """The page's copy of the events, which is made anew from the broker's."""
        return self.path / "page"

    @property
    def alerting(self) -> Path:
        """The files and the data of Prometheus and Alertmanager."""
        return self.path / "alerting"
