"""What Linux reports on processes: their children, and whether they have ended or stopped."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

LISTEN = "0A"
"""The state as written in /proc/net/tcp."""


def children(parent: int) -> list[int]:
    statuses = {
        int(path.parent.name): _status(path) for path in Path("/proc").glob("[0-9]*/status")
    }
    return [pid for pid, one in statuses.items() if one.get("PPid") == str(parent)]


def alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended but is not reaped yet does not."""
    return not _status(Path(f"/proc/{pid}/status")).get("State", "Z").startswith("Z")


def freeze(process: "subprocess.Popen[Any]") -> None:
    """Stop a child (SIGSTOP) if it is running; return when its last thread has stopped."""
    process.send_signal(signal.SIGSTOP)
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def listening(pid: int) -> set[int]:
    """Return the TCP ports on which a process listens; none if it is gone."""
    sockets = {_target(link) for link in _listed(Path(f"/proc/{pid}/fd"))}
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == LISTEN and f"socket:[{row[9]}]" in sockets
    }


def memory_mb(pid: int) -> float:
    """Return the memory that a living process holds, in MB (10^6 bytes)."""
    return _megabytes(pid, "VmRSS")


def peak_memory_mb(pid: int) -> float:
    """Return the most memory that a living process ever held, in MB (10^6 bytes)."""
    return _megabytes(pid, "VmHWM")


def _megabytes(pid: int, name: str) -> float:
    kibibytes = _status(Path(f"/proc/{pid}/status")).get(name, "nan kB")
    return float(kibibytes.removesuffix(" kB")) * 1024 / 1e6


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _status(path: Path) -> dict[str, str]:
    """Return the status of a process according to Linux; empty if it is gone."""
    try:
        lines = path.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
