"""What the reports share: tables in Markdown, the machine, the page that has them."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
CAPACITY_PAGE = PAGE.with_name("capacity.md")


def section(mark: str) -> re.Pattern[str]:
    """Return what finds the measured section of a page with a mark."""
    begin, end = (f"<!-- {mark}{one} -->" for one in ("measured", "end"))
    return re.compile(rf"(?<={begin}\n).*?(?={end})", re.DOTALL)


def replace_section(mark: str, measured: str, *, page: Path) -> None:
    written = page.read_text(encoding="utf-8")
    page.write_text(section(mark).sub(lambda _: f"\n{measured}\n", written), encoding="utf-8")


def measured_under(load: tuple[float, float], *packages: str, **others: str) -> str:
    """Return what `measured_on` does, and the machine's load before and after."""
    before, after = load
    machine = measured_on(*packages, **others)
    return f"{machine} The machine's load was {before:.1f} before and {after:.1f} after."


def measured_on(*packages: str, **others: str) -> str:
    """Return the day, the machine, and versions: of packages that are here, and of others."""
    found = {name: version(name) for name in packages} | others
    versions = ", ".join(f"{name} {number}" for name, number in found.items())
    return (
        f"Measured on {date.today().isoformat()}: {os.cpu_count()} processors, "  # noqa: DTZ011
        f"{_memory_gb():.0f} GB of memory, {platform.system()} {platform.machine()}, "
        f"CPython {platform.python_version()}, {versions}."
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def rounded(number: float) -> str:
    """Write a number of three significant digits, its thousands apart."""
    digits = max(len(str(int(number))) - 3, 0)
    return f"{round(number, -digits):,.0f}".replace(",", " ")


def _memory_gb() -> float:
    found = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 / 1e9 if found else float("nan")
