"""The system calls of a run that change something, read from strace's record.

Each is a point at which the run can be ended: by its thread, its name, and its number among the
thread's calls of that name, as strace counts them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.crash.power import CALLS, shown_bytes
from tests.crash.stage import Tracing

FILE_CALLS: Final = (
    *("openat", "pwrite64", "write", "writev", "ftruncate", "fsync", "fdatasync"),
    *("mkdir", "rename", "renameat", "renameat2", "unlink", "unlinkat"),
)
_SOCKET_CALLS: Final = ("sendto", "sendmsg")
_CALLS: Final = ",".join((*FILE_CALLS, *_SOCKET_CALLS))
#: Enough for the requests of one write that matter here, and little to write down.
_SHOWN_BYTES: Final = 4096
#: Answers of a broker come late: what has been sent and what has been acknowledged differ for
#: longer, and a run sends more alike each time. In microseconds.
_LATE_ANSWERS: Final = ("-e", "inject=recvfrom:delay_enter=10000")
#: More than SQLite writes at once.
_PAGE_BYTES: Final = 8192

_LINE: Final = re.compile(r"(?P<thread>\d+)\s+(?P<name>\w+)\((?P<rest>.*)")
_PATH: Final = re.compile(r'(?:^\d+<(?P<of_fd>/[^>]*)>|"(?P<named>/[^"]*)")')
_PEER: Final = re.compile(
    r'^\d+<TCP(?:v6)?:\[[^]]*->(?P<peer>[^]]*)\]>, "(?P<data>(?:[^"\\]|\\.)*)"'
)
#: Requests to a broker that change something on it, by the number that the protocol gives them.
_CHANGING: Final = {
    0: "Produce",
    21: "DeleteRecords",
    22: "InitProducerId",
    33: "AlterConfigs",
    44: "IncrementalAlterConfigs",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that changes something: the point, and what it does."""

    thread: int
    name: str
    number: int
    what: str
    """A file's name, a request to a broker, or bytes to another program."""
    is_of_file: bool

    def __str__(self) -> str:
        return f"{self.name} {self.number} of thread {self.thread} ({self.what})"


@dataclass(frozen=True, slots=True)
class Injection:
    """What happens at a call: SIGKILL before it, with a power cut perhaps, or an error instead."""

    call: Call
    error: str | None = None
    """As strace names it: ENOSPC."""
    cuts_power: bool = False

    def tracing(self, record: Path, *, writes_down: bool) -> Tracing:
        """Return how strace does it, and writes down what `Disk` takes in."""
        effect = "signal=KILL" if self.error is None else f"error={self.error}"
        name = self.call.name
        when = f"{self.call.number}{'+' * self.lasts}"
        traced = ",".join((*(CALLS if writes_down else ()), "recvfrom"))
        options = (
            *("-yy", "-s", str(_PAGE_BYTES), "-e", f"trace={name},{traced}", *_LATE_ANSWERS),
            *("-e", f"inject={name}:{effect}:when={when}"),
        )
        return Tracing(options, str(record), self.call.thread)

    @property
    def lasts(self) -> bool:
        """Whether all later calls of that name fail too: SQLite's on a disk that is full."""
        return self.error == "ENOSPC" and self.call.name == "pwrite64"

    def __str__(self) -> str:
        return f"{self.error or ('power cut' if self.cuts_power else 'SIGKILL')} at {self.call}"


def recording(record: Path) -> Tracing:
    """Return how strace writes down the calls of all threads, for `writes`."""
    traced = f"trace={_CALLS},recvfrom"
    options = ("-f", "-yy", "-s", str(_SHOWN_BYTES), "-e", traced, *_LATE_ANSWERS)
    return Tracing(options, str(record))


def writes(record: Path, folder: Path) -> list[Call]:
    """Return the calls of a recorded run that change something, in their order.

    That is a file in a folder, or what another program gets, but for the requests that only ask a
    broker.
    """
    threads = json.loads(Path(f"{record}.threads").read_text())
    numbers: Counter[tuple[int, str]] = Counter()
    found = []
    for line in record.read_text(encoding="ascii").splitlines():
        match = _LINE.match(line)
        if match is None or int(match["thread"]) not in threads:
            continue
        thread, name = threads.index(int(match["thread"])), match["name"]
        numbers[thread, name] += 1
        what = _changed(name, match["rest"], folder)
        if what is not None:
            found.append(Call(thread, name, numbers[thread, name], what, name in FILE_CALLS))
    return found


def _changed(name: str, rest: str, folder: Path) -> str | None:
    if name in _SOCKET_CALLS:
        peer = _PEER.match(rest)
        return None if peer is None else _sent(peer["data"])
    if name not in FILE_CALLS or (name == "openat" and "O_CREAT" not in rest):
        return None
    path = _PATH.search(rest)
    if path is None:
        return None
    file = Path(path["of_fd"] or path["named"])
    return file.name if file.is_relative_to(folder) else None


def _sent(data: str) -> str | None:
    """Return what is sent: the first word of HTTP, its body, or changing requests to a broker."""
    content = shown_bytes(data)
    if content[:1].isalpha():
        return str(content.split()[0].decode())
    if content[:1] in b"[{":
        return "body"
    names = [_CHANGING[key] for key in _requests(content) if key in _CHANGING]
    return ", ".join(names) or None


def _requests(content: bytes) -> Iterator[int]:
    """Yield the kinds of requests to a broker: each has its length, then its kind before it."""
    begin = 0
    while begin + 6 <= len(content):
        yield int.from_bytes(content[begin + 4 : begin + 6])
        begin += 4 + int.from_bytes(content[begin : begin + 4])
