"""Encoded states in temporary files, by entity: a part of the entities is in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from struct import Struct
from tempfile import SpooledTemporaryFile
from typing import Final, NamedTuple, Self
from zlib import crc32

from boundary.work_folder import MEGABYTE, WorkFolder, WorkFolderFullError
from events.fact import Family
from events.record_rules import NO_TIMESTAMP

#: In so many parts: two million states are some 15 MB each.
PARTS: Final = 128
#: What a part keeps in memory before it gets a file.
MEMORY_BYTES: Final = 32 * 1024
BUFFER_BYTES: Final = 32 * 1024

_FAMILIES: Final = tuple(Family)
_NUMBERS: Final = {family: number for number, family in enumerate(_FAMILIES)}
#: Family, partition, offset, timestamp, bytes of the key, bytes of the value.
_HEAD: Final = Struct("<BHqqIi")
_NO_VALUE: Final = -1


class SpooledState(NamedTuple):
    """A state as a changelog record has it: None for an entity that was erased."""

    family: Family
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes | None


class StateSpool:
    """Collects encoded states and returns them by entity; open it with `with`.

    Each part has all records of its entities, in the order in which they were added. Few states
    stay in memory; more are written to the work folder. Raises WorkFolderUnusableError and
    WorkFolderFullError.
    """

    def __init__(self, work: WorkFolder | None = None) -> None:
        self._work = WorkFolder() if work is None else work
        self._work.check()
        self._resources = ExitStack()
        folder = None if self._work.path is None else str(self._work.path)
        self._files: list[SpooledTemporaryFile[bytes]] = []
        for _ in range(PARTS):
            self._files.append(
                self._resources.enter_context(
                    SpooledTemporaryFile(  # noqa: SIM115 - the stack closes it
                        MEMORY_BYTES, buffering=BUFFER_BYTES, dir=folder
                    )
                )
            )
        self._left = self._work.megabytes * MEGABYTE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def add(
        self,
        family: Family,
        partition: int,
        key: bytes,
        value: bytes | None,
        *,
        offset: int = 0,
        timestamp: int = NO_TIMESTAMP,
    ) -> None:
        """Add a state, or the end of one."""
        size = _NO_VALUE if value is None else len(value)
        head = _HEAD.pack(_NUMBERS[family], partition, offset, timestamp, len(key), size)
        content = head + key + (value or b"")
        self._left -= len(content)
        if self._left < 0:
            raise self._full("its limit is reached")
        try:
            self._files[crc32(key) % PARTS].write(content)
        except OSError as error:
            raise self._full(error.strerror or str(error)) from error

    def parts(self) -> Iterator[Iterator[SpooledState]]:
        """Yield the states of each part; one part is read before the next one is asked for."""
        for file in self._files:
            try:
                file.seek(0)
            except OSError as error:  # What is buffered is written now.
                raise self._full(error.strerror or str(error)) from error
            yield _read(file)

    def _full(self, cause: str) -> WorkFolderFullError:
        return WorkFolderFullError(self._work.path, megabytes=self._work.megabytes, cause=cause)


def _read(file: SpooledTemporaryFile[bytes]) -> Iterator[SpooledState]:
    while head := file.read(_HEAD.size):
        number, partition, offset, timestamp, key_size, size = _HEAD.unpack(head)
        key = file.read(key_size)
        value = None if size == _NO_VALUE else file.read(size)
        yield SpooledState(_FAMILIES[number], partition, offset, timestamp, key, value)
