"""What all parts of the bench share: broker, folder, progress, processes, Markdown tables."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

from tests.support.children import environment_variables
from tests.support.kafka import KafkaBroker
from tests.support.workers import Worker

DOCS = Path(__file__).parents[2] / "docs"
ENTITIES_MEASURED = 2_000_000


class BenchError(Exception):
    """A measurement that means nothing: a process failed, or a figure is wrong."""

    def __init__(self, problem: str, *logs: str) -> None:
        ends = "\n".join(log[-4000:] for log in logs)
        super().__init__(f"{problem}; the end of the log:\n{ends}" if ends else problem)


@dataclass(frozen=True)
class Bench:
    """Where a part of the bench runs."""

    broker: KafkaBroker
    folder: Path
    report: Callable[[str], object] = lambda _: None
    """Receives each line about the progress."""
    rounds: int = 3
    entities: int = ENTITIES_MEASURED
    """Of the part that measures capacity."""
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    @contextmanager
    def started(self, name: str, *, command: str = "worker", **settings: str) -> Iterator[Worker]:
        """Yield a process of the monitor that is starting, with the usual times of a group.

        Settings are named as in `streams.settings`.
        """
        usual = {"session_timeout": "15", "heartbeat_interval": "3"}
        with Worker(
            self.broker.bootstrap,
            self.folder,
            name=name,
            command=command,
            settings=environment_variables({**usual, **settings}),
        ) as process:
            yield process

    def conditions(self, *packages: str, **others: str) -> str:
        """Return the day, the machine and its load, and versions: of packages here, and others."""
        found = {name: version(name) for name in packages} | others
        versions = ", ".join(f"{name} {number}" for name, number in found.items())
        return (
            f"Measured on {date.today().isoformat()}: {os.cpu_count()} processors, "  # noqa: DTZ011
            f"{_memory_gb():.0f} GB of memory, {platform.system()} {platform.machine()}, "
            f"CPython {platform.python_version()}, {versions}. The machine's load was "
            f"{self.load_before:.1f} before and {os.getloadavg()[0]:.1f} after."
        )


def section(mark: str) -> re.Pattern[str]:
    """Return what finds the measured section of a page with a mark."""
    begin, end = (f"<!-- {mark}{one} -->" for one in ("measured", "end"))
    return re.compile(rf"(?<={begin}\n).*?(?={end})", re.DOTALL)


def page_of(*paragraphs: str) -> str:
    """Return paragraphs and tables as one text."""
    return "\n\n".join([*paragraphs, ""])


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def rounded(number: float) -> str:
    """Write a number of three significant digits, its thousands apart."""
    digits = max(len(str(int(number))) - 3, 0)
    return f"{round(number, -digits):,.0f}".replace(",", " ")


def _memory_gb() -> float:
    found = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 / 1e9 if found else float("nan")
