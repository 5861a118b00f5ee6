"""The ports of the stack's processes: those of its last start, else the usual ones, if free."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from boundary.whole_file import whole_file
from operations.programs.addresses import free_port, is_free

WORKERS: Final = (6066, 6068)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on loopback, the same for all runs of a process.

    They are the default of each program, which the guides name, and another one where something
    listens there already.
    """

    kafka: int = field(default_factory=partial(free_port, usual=9092))
    controller: int = field(default_factory=free_port)
    workers: tuple[int, ...] = field(
        default_factory=lambda: tuple(free_port(usual=usual) for usual in WORKERS)
    )
    assessor: int = field(default_factory=partial(free_port, usual=6067))
    gateway: int = field(default_factory=partial(free_port, usual=6070))
    probes: int = field(default_factory=partial(free_port, usual=6071))
    """The gateway's, for health checks and metrics."""
    page: int = field(default_factory=partial(free_port, usual=6072))
    gateway_behind: int = field(default_factory=free_port)
    """The gateway's own, where HAProxy has the usual one."""
    page_behind: int = field(default_factory=free_port)
    """The page's own, where HAProxy has the usual one."""
    prometheus: int = field(default_factory=partial(free_port, usual=9090))
    alertmanager: int = field(default_factory=partial(free_port, usual=9093))

    @staticmethod
    def kept_in(file: Path) -> Ports:
        """Return the ports of the last start, others where these are taken; the file keeps them.

        What remembers an address, as an import's journal does, finds the same system there.
        Raises FileUnwritableError.
        """
        new = Ports()
        last = _last(file) or new
        taken = (one.name for one in fields(Ports) if not _is_free(getattr(last, one.name)))
        ports = replace(last, **{name: getattr(new, name) for name in taken})
        with whole_file(file, private=True) as stream:
            stream.write(_KEPT.dump_json(ports, indent=2))
        return ports


_KEPT: Final = TypeAdapter(Ports)


def _last(file: Path) -> Ports | None:
    """Return the ports of the last start; None without one, or where the file was broken."""
    try:
        return _KEPT.validate_json(file.read_bytes())
    except (OSError, ValueError):
        return None


def _is_free(ports: int | tuple[int, ...]) -> bool:
    return all(map(is_free, ports if isinstance(ports, tuple) else (ports,)))
