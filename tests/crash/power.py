"""A power cut: of what a killed run had not synchronised, any part may be gone.

The files are made anew from strace's record, as ALICE does (Pillai et al., OSDI 2014): what was
written before a file's last fsync, and of each later write all, nothing or its first sectors,
drawn for each alone. A new name, and a name that was removed, is certain once its folder was
synchronised, a new one also once its file was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

CALLS: Final = ("openat", "pwrite64", "ftruncate", "fsync", "fdatasync", "unlink")
"""What a record has to have, with the whole content of writes."""
_SECTOR: Final = 512

_DONE: Final = re.compile(r"(?:\d+ +)?(?P<name>\w+)\((?P<arguments>.*)\) += +\d+.*")
_OF_FD: Final = re.compile(r"^\d+<(?P<path>[^>]*)>(?:, )?(?P<rest>.*)")
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class _Write:
    offset: int
    content: bytes


@dataclass
class _File:
    content: bytearray = field(default_factory=bytearray)
    """What is on the disk for certain."""
    pending: list[_Write | int] = field(default_factory=list)
    """Writes since then; a number is a length that it was cut to."""
    is_named: bool = False

    def synchronise(self) -> None:
        for one in self.pending:
            _apply(self.content, one)
        self.pending.clear()
        self.is_named = True

    def after_cut(self, chance: Random) -> bytes:
        content = bytearray(self.content)
        for one in self.pending:
            kept = chance.choice((0.0, 0.5, 1.0))
            if isinstance(one, int):
                if kept:
                    _apply(content, one)
                continue
            size = len(one.content)
            if kept == 1.0:
                _apply(content, one)
            elif kept and size > _SECTOR:
                torn = _SECTOR * chance.randrange(1, size // _SECTOR + 1)
                _apply(content, _Write(one.offset, one.content[:torn]))
        return bytes(content)


class Disk:
    """What a disk has of the files in a folder whose names begin so, while runs write to them."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        """The folder has none of them yet."""
        self._folder = folder
        self._names = tuple(names)
        self._files: dict[Path, _File] = {}
        #: The names that were removed since the folder was synchronised.
        self._removed: dict[Path, _File] = {}

    def take_in(self, record: str) -> None:
        """Take in what a run did, whose calls of `CALLS` strace has written down."""
        for name, path, arguments in _calls(record, self._folder):
            if path == self._folder:
                self._synchronise_names()
            elif path.name.startswith(self._names):
                self._note(name, path, arguments)

    def cut_power(self, chance: Random) -> None:
        """Leave of the files what a power cut may leave."""
        removed, files = self._removed, self._files
        self._removed, self._files = {}, {}
        for path, one in removed.items():
            if path not in files and one.is_named and chance.random() < 0.5:
                self._leave(path, one.after_cut(chance))
        for path, one in files.items():
            if one.is_named or chance.random() < 0.5:
                self._leave(path, one.after_cut(chance))
            else:
                path.unlink()

    def _leave(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self._files[path] = _File(bytearray(content), is_named=True)

    def _note(self, name: str, path: Path, arguments: str) -> None:
        match name:
            case "openat":
                self._files.setdefault(path, _File())
            case "unlink":
                self._removed[path] = self._files.pop(path)
            case "pwrite64":
                content = shown_bytes(_TEXT.findall(arguments)[0])
                size, offset = map(int, arguments.rsplit(", ", 2)[1:])
                assert len(content) == size, "strace shows less than was written"
                self._files[path].pending.append(_Write(offset, content))
            case "ftruncate":
                self._files[path].pending.append(int(arguments))
            case _:
                self._files[path].synchronise()

    def _synchronise_names(self) -> None:
        self._removed.clear()
        for one in self._files.values():
            one.is_named = True


def _calls(record: str, folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield the calls that were done on files of a folder, and on it: name, file, arguments."""
    for line in record.splitlines():
        match = _DONE.fullmatch(line)
        if match is None:
            continue
        name, arguments = match["name"], match["arguments"]
        if name in {"openat", "unlink"}:
            if name == "openat" and "O_CREAT" not in arguments:
                continue
            path, rest = Path(_TEXT.findall(arguments)[0]), ""
        else:
            of_fd = _OF_FD.match(arguments)
            assert of_fd is not None, line
            path, rest = Path(of_fd["path"]), of_fd["rest"]
        if folder in (path, path.parent):
            yield name, path, rest


def _apply(content: bytearray, write: _Write | int) -> None:
    end = write if isinstance(write, int) else write.offset + len(write.content)
    content.extend(bytes(max(0, end - len(content))))
    if isinstance(write, int):
        del content[write:]
    else:
        content[write.offset : end] = write.content


def shown_bytes(text: str) -> bytes:
    return text.encode().decode("unicode_escape").encode("latin-1")
