"""The stack's folder: what it keeps from one run to the next; one stack at a time locks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

from boundary.errors import SmartRegionError
from boundary.private_files import FileLockedError, lock_file, restrict_folder
from boundary.whole_file import whole_file
from events.producers.model import Producers
from events.producers.secrets import Scheme, issue, token_digest
from operations.programs.addresses import free_port, is_free

LOGS: Final = "logs"
KAFKA: Final = "kafka"
"""The broker's settings and data: every event that was accepted."""
SECRETS: Final = "secrets"
"""Each producer's own secrets, and the gateway's file of them all."""
PAGE: Final = "page"
"""The page's copy of the events, which is made anew from the broker's."""
ALERTING: Final = "alerting"
"""The files and the data of Prometheus and Alertmanager."""
GATEWAY_SECRETS: Final = "gateway.yaml"


@contextmanager
def held_folder(path: Path) -> Iterator[Path]:
    """Create the folder if there is none, and lock it for the block.

    Raises SmartRegionError.
    """
    folder = path.resolve()
    try:
        # Data and logs hold events: for the owner alone, also if an older release left them open.
        for part in (LOGS, KAFKA, SECRETS, ALERTING, PAGE):
            restrict_folder(folder / part)
        lock = lock_file(folder / "lock")
    except FileLockedError as error:
        raise SmartRegionError(
            f"folder: another stack runs in {folder}: end that one, or give this one a folder of"
            " its own with --folder"
        ) from error
    except OSError as error:
        raise SmartRegionError(
            f"folder: cannot keep anything in {folder} ({error.strerror}): name another with"
            " --folder"
        ) from error
    with lock:
        yield folder


def keep_secrets(folder: Path, producers: Producers) -> None:
    """Issue the secrets that declared producers do not have yet; others stay valid.

    The gateway's file is rewritten: producers that are no longer declared are not in it. Raises
    FileUnwritableError.
    """
    known = {}
    for producer in producers:
        kept = {}
        for scheme in Scheme:
            file = secret_file(folder, producer.id, scheme)
            if not file.exists():
                _write(file, f"{issue(producer.id, scheme).secret.get_secret_value()}\n".encode())
            kept[scheme] = file.read_text().strip()
        known[producer.id] = {
            "bearer_sha256": [token_digest(kept[Scheme.BEARER])],
            "signing": [kept[Scheme.SIGNATURE]],
        }
    _write(folder / GATEWAY_SECRETS, yaml.safe_dump(known, sort_keys=False).encode())


def secret_file(folder: Path, producer: str, scheme: Scheme) -> Path:
    """Return where a producer's secret is: its text, and nothing else."""
    return folder / f"{producer}.{scheme}"


def _write(file: Path, content: bytes) -> None:
    with whole_file(file, private=True) as stream:
        stream.write(content)


def _port(usual: int | None = None) -> int:
    return Field(default_factory=partial(free_port, usual=usual))


class Ports(BaseModel):
    """Ports on loopback, the same for all runs of a process.

    They are the default of each program, which the guides name, and another one if something
    listens there already.
    """

    model_config = ConfigDict(frozen=True)

    kafka: int = _port(9092)
    controller: int = _port()
    worker_1: int = _port(6066)
    worker_2: int = _port(6068)
    assessor: int = _port(6067)
    gateway: int = _port(6070)
    probes: int = _port(6071)
    """The gateway's, for health checks and metrics."""
    page: int = _port(6072)
    gateway_behind: int = _port()
    """The gateway's own, where HAProxy has the usual one."""
    page_behind: int = _port()
    """The page's own, where HAProxy has the usual one."""
    prometheus: int = _port(9090)
    alertmanager: int = _port(9093)

    @property
    def workers(self) -> tuple[int, int]:
        """Those of the two workers."""
        return self.worker_1, self.worker_2

    @classmethod
    def kept_in(cls, file: Path) -> Self:
        """Return the ports of the last start, others where these are taken; the file keeps them.

        What remembers an address, as an import's journal does, finds the same system there.
        Raises FileUnwritableError.
        """
        new = cls()
        try:
            last = cls.model_validate_json(file.read_bytes())
        except (OSError, ValueError):  # There was none, or it is broken.
            last = new
        taken = {name: port for name, port in new if not is_free(getattr(last, name))}
        ports = last.model_copy(update=taken)
        _write(file, ports.model_dump_json(indent=2).encode())
        return ports
