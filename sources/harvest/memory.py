"""The results of earlier harvests of a portal, and the events that are still to be sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from boundary.private_files import FileLockedError, lock_file
from boundary.whole_file import whole_file
from events.cloudevent import decode_json, encode_structured
from events.dataset import DatasetProbed, DatasetReleased
from events.errors import ContractError
from events.fact import Fact
from sources.client.protocol import event_by_content
from sources.harvest.data_state import KnownData
from sources.harvest.portal_dataset import Distribution, HarvestError


class KnownDataset(BaseModel):
    """A dataset as it was last reported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    released: DatasetReleased
    updated_on: date | None = None
    withdrawn_on: date | None = None
    distributions: tuple[Distribution, ...] = ()
    data: dict[str, KnownData] = {}
    """What was found at its addresses."""
    probed: DatasetProbed | None = None
    """The last report of its data."""


class Memory(BaseModel):
    """The state between two harvests of one portal for one destination."""

    model_config = ConfigDict(extra="ignore")  # Earlier states have more.

    portal: str
    destination: str
    datasets: dict[str, KnownDataset] = {}
    outbox: list[str] = []
    """Events not known to have arrived, as JSON: a repeat has the same id and time."""

    def queue(self, fact: Fact, *, source: str, time: datetime) -> None:
        """Add the event of a fact to what is to be sent."""
        event = event_by_content(fact, source=source, time=time)
        self.outbox.append(encode_structured(event).value.decode())

    def save(self, file: Path) -> None:
        """Write it, completely or not at all. Raises FileUnwritableError."""
        with whole_file(file) as stream:
            stream.write(self.model_dump_json().encode())


@contextmanager
def held_memory(file: Path) -> Iterator[None]:
    """Keep other harvests from a file during the block, by a lock on an empty file beside it.

    The lock ends with the process, however that ends. Raises HarvestError if another harvest has
    it, or the folder cannot be written to.
    """
    try:
        lock = lock_file(file.with_name(f".{file.name}.lock"))
    except FileLockedError as error:
        problem = f"is another harvest's, which still runs, value {str(file)!r}"
        remedy = "wait until it has ended: of two at once, one would forget what the other has sent"
        raise HarvestError("--state", problem, remedy=remedy) from error
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from error
    with lock:
        yield


def load_memory(file: Path, *, portal: str, destination: str) -> Memory:
    """Return the memory in a file, or an empty one without a file. Raises HarvestError."""
    try:
        memory = Memory.model_validate_json(file.read_bytes())
        for text in memory.outbox:
            decode_json(text)
    except FileNotFoundError:
        return Memory(portal=portal, destination=destination)
    except (OSError, ValidationError, ContractError) as error:
        cause = error.strerror if isinstance(error, OSError) else "is no state of a harvest"
        raise _unusable(file, cause or "cannot be read") from error
    if (memory.portal, memory.destination) != (portal, destination):
        cause = f"is of {memory.portal} for {memory.destination}"
        raise _unusable(file, cause)
    return memory


def _unusable(file: Path, cause: str) -> HarvestError:
    remedy = "name another file; without it everything is sent once more, and counts once"
    return HarvestError("--state", f"cannot be used, value {str(file)!r} ({cause})", remedy=remedy)
