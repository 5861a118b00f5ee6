"""The folders of the workers' snapshots, in memory if the machine has such a file system."""

from __future__ import annotations

import shutil
from collections import ChainMap
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from streams.partition_snapshots import _decoded, _encoded, _Header

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - each run creates its own folder there
_DIGEST_BYTES: Final = 32
#: How often a file is damaged when a worker starts.
_DAMAGED: Final = 0.4


class SnapshotFolders:
    """One folder that the workers share, or one for each; they outlive the workers."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(f"snapshot folders {seed}")
        self._is_shared = self._chance.random() < 1 / 2
        self._temporary = TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)

    def of(self, number: int) -> Path:
        """Return the folder of a worker."""
        folder = Path(self._temporary.name) / ("shared" if self._is_shared else f"{number}")
        folder.mkdir(exist_ok=True)
        return folder

    def remove(self) -> None:
        """Remove the folders."""
        self._temporary.cleanup()

    def damage(self) -> None:
        """Damage files at random: lost, cut, changed, swapped, or of other rules or topics."""
        files = sorted(Path(self._temporary.name).rglob("*.snapshot"))
        for file in files if self._chance.random() < _DAMAGED else ():
            content = file.read_bytes()
            at = self._chance.randrange(len(content) + 1)
            match self._chance.randrange(6):
                case 0:
                    file.unlink()
                case 1:
                    file.write_bytes(content[:at])
                case 2:
                    file.write_bytes(content[:at] + b"~" + content[at + 1 :])
                case 3 if (other := self._chance.choice(files)) != file and other.exists():
                    shutil.copy(other, file)
                case _:
                    file.write_bytes(_foreign(content, self._chance.choice(("rules", "topic"))))


def header_of(file: bytes) -> _Header:
    """Return the header of any snapshot. Raises ValueError."""
    return _Header.model_validate_json(file[_DIGEST_BYTES:].partition(b"\n")[0])


def _foreign(file: bytes, name: str) -> bytes:
    """Return a valid snapshot with another identity, in which one state is missing."""
    try:
        header = header_of(file)
        values = dict(ChainMap(*map(dict, _decoded(file, header.of)[1])))
    except ValueError:
        return file  # It was damaged before.
    for entity in [*values][:1]:
        del values[entity]
    of = {**header.of, name: "other"}
    return _encoded(header.model_copy(update={"of": of}), values)
