"""Progress towards a target as a bar, with the position that a steady pace would have reached."""

from __future__ import annotations

from typing import Final

from report.charts.svg import draw

WIDTH: Final = 120
HEIGHT: Final = 14


def progress_bar(
    prefix: str, title: str, description: str, *, rate: float | None, expected: float | None
) -> str:
    """Return a bar of 120 by 14; `rate` and `expected` are in percent, from 0 to 100."""
    return draw(
        "progress",
        prefix,
        title,
        description,
        width=WIDTH,
        height=HEIGHT,
        reached=None if rate is None else WIDTH * rate / 100,
        expected="" if expected is None else f"M{WIDTH * expected / 100:.1f} 0V{HEIGHT}",
    )
