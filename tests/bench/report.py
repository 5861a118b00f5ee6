"""What a run found, and the page that says so."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

from tests.bench.engines import Trial
from tests.bench.workloads import WORKLOADS

__all__ = ["Findings", "Operation", "Trials", "text", "write"]

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
MEASURED = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)

#: Engine → workload → its trials.
Trials = Mapping[str, Mapping[str, Sequence[Trial]]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a worker costs its operator. Seconds, unless said; keys are numbers of entities."""

    ready_seconds: Mapping[int, float]
    scrape_ms: Mapping[int, float]
    freshness_seconds: Sequence[float]
    ring_seconds: Sequence[float]
    """From an event to the webhook of its alert; none where Prometheus is not installed."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one run found; the first engine is the one that the others are compared with."""

    trials: Trials
    operation: Operation
    event_bytes: Mapping[str, int]


def text(findings: Findings) -> str:
    """Return the findings as Markdown."""
    return "\n".join(
        [
            _conditions(findings),
            "",
            *(
                line
                for workload in WORKLOADS
                for line in (*_throughput(findings.trials, workload.name), "")
            ),
            *_operation(findings.operation),
            "",
        ]
    )


def write(findings: Findings) -> None:
    """Put the findings into the page, in place of those before."""
    page = PAGE.read_text(encoding="utf-8")
    measured = f"\n{text(findings)}\n"
    PAGE.write_text(MEASURED.sub(lambda _: measured, page), encoding="utf-8")


def _conditions(findings: Findings) -> str:
    packages = ("faust-streaming", "aiokafka", "pydantic")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    sizes = ", ".join(f"{name} {size}" for name, size in findings.event_bytes.items())
    return (
        f"Measured on {date.today().isoformat()}: {os.cpu_count()} processors, "  # noqa: DTZ011
        f"{_memory_gb():.0f} GB of memory, {platform.system()} {platform.machine()}, "
        f"CPython {platform.python_version()}, {versions}. "
        f"Mean size of an event in bytes: {sizes}."
    )


def _throughput(trials: Trials, workload: str) -> list[str]:
    yardstick = median(trial.rate for trial in next(iter(trials.values()))[workload])
    rows = []
    for engine, by_workload in trials.items():
        of_engine = by_workload[workload]
        rates = [trial.rate for trial in of_engine]
        rows.append(
            [
                engine,
                _rounded(median(rates)),
                f"{_rounded(min(rates))} to {_rounded(max(rates))}",
                f"**{median(rates) / yardstick:.1f}**",
                f"{median(trial.processor_us for trial in of_engine):.0f}",
                f"{max(trial.peak_mb for trial in of_engine):.0f}",
            ]
        )
    return _table(
        [workload, "events/s", "range", "ratio", "processor µs/event", "peak memory MB"], rows
    )


def _operation(operation: Operation) -> list[str]:
    waits = [1000 * seconds for seconds in operation.freshness_seconds]
    rows = [
        [
            f"start of a worker to ready, {_rounded(entities)} entities to recover",
            f"{seconds:.1f} s",
        ]
        for entities, seconds in operation.ready_seconds.items()
    ]
    rows += [
        [f"a scrape of /metrics, {_rounded(entities)} entities, median", f"{ms:.0f} ms"]
        for entities, ms in operation.scrape_ms.items()
    ]
    rows += [
        [
            f"an event's acknowledgement to its figure on /metrics, median of {len(waits)}",
            f"{median(waits):.0f} ms",
        ],
        ["the same, 95th percentile", f"{quantiles(waits, n=20)[-1]:.0f} ms"],
    ]
    rings = operation.ring_seconds
    if rings:
        what = "an event's acknowledgement to the webhook of its alert, at intervals of 1 s"
        rows.append([f"{what}, median of {len(rings)}", f"{median(rings):.2f} s"])
    return _table(["what", "measured"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _rounded(number: float) -> str:
    """Write a number of three significant digits, its thousands apart."""
    digits = max(len(str(int(number))) - 3, 0)
    return f"{round(number, -digits):,.0f}".replace(",", " ")


def _memory_gb() -> float:
    found = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 / 1e9 if found else float("nan")
