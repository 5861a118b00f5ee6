"""Horizontal bars: a figure of each territory or category, and the progress towards a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalogue.formatting import NO_BREAK
from catalogue.progress import MilestoneStatus
from report.charts.axes import Scale, is_drawable
from report.charts.labels import EM, Spot, shortened, text_width
from report.charts.svg import draw, number

WIDTH: Final = 560
ROW: Final = 48
HEADER: Final = 26
#: Within a row: the middle of its text, the bar, and the middle of what is said in its place.
TEXT: Final = 12
BAR: Final = 27
BAR_HEIGHT: Final = 13
REASON: Final = 35

PROGRESS: Final = (120, 14)
"""The width and height of a bar of progress."""

_APART: Final = 16
#: How far the target's line goes beyond a bar.
_BEYOND: Final = 3
_LEAST: Final = 2
_BESIDE_THE_MARK_EM: Final = 1.4


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar: its value, and the same as French text."""

    label: str
    value: float | None
    """None: there is no bar, and `text` says why."""
    text: str
    status: MilestoneStatus | None = None
    href: str | None = None


def bars(
    prefix: str,
    title: str,
    description: str,
    rows: Sequence[BarRow],
    *,
    target: float | None = None,
    target_text: str = "",
) -> str:
    """Return the bars, in the order given; `target` is a line on each, `target_text` its value.

    A text that does not fit is shortened: a row's link has it whole, and so should a table.
    """
    level = target if is_drawable(target) else None
    values = [row.value for row in rows if row.value is not None and is_drawable(row.value)]
    if level is not None:
        values.append(level)
    # Without any length a row is half as wide as 1.
    low, high = min([0.0, *values]), max([0.0, *values])
    x = Scale(low, high if high > low else low + 1, 0, WIDTH)
    top = HEADER if level is not None else 0
    indent = _BESIDE_THE_MARK_EM if any(row.status is not None for row in rows) else 0
    return draw(
        "bars",
        prefix,
        title,
        description,
        width=WIDTH,
        height=top + max(len(rows), 1) * ROW,
        has_links=any(row.href for row in rows),
        statuses=[row.status for row in rows],
        indent=f"{number(indent)}em" if indent else "0",
        rows=[_row(row, top + index * ROW, x, indent) for index, row in enumerate(rows)],
        bar_height=BAR_HEIGHT,
        **_target(
            None if level is None else x.at(level),
            target_text,
            [top + index * ROW + BAR for index, row in enumerate(rows) if is_drawable(row.value)],
        ),
    )


def _row(row: BarRow, top: float, x: Scale, indent: float) -> dict[str, Any]:
    room, text, bar = WIDTH - indent * EM, row.text, None
    if row.value is not None and is_drawable(row.value):
        text = shortened(text, WIDTH / 2)
        room -= text_width(text) * EM + _APART
        bar = _bar(x, row.value)
    else:
        text = shortened(text, room)
    return {
        "top": top,
        "height": ROW,
        "status": row.status,
        "href": row.href,
        "name": f"{row.label}{NO_BREAK}: {row.text}",
        "label": Spot(0, top + TEXT),
        "label_text": shortened(row.label, room),
        "reason": Spot(0, top + REASON),
        "value": Spot(WIDTH, top + TEXT, "end"),
        "text": text,
        "bar": bar,
        "bar_top": top + BAR,
    }


def _bar(x: Scale, value: float) -> tuple[float, ...]:
    """Return where a bar begins and how long it is; of zero there is none."""
    if not value:
        return ()
    left, right = sorted((x.at(0), x.at(value)))
    if right - left < _LEAST:  # A small amount is not shown as none.
        return min(left, WIDTH - _LEAST), _LEAST
    return left, right - left


def _target(at: float | None, text: str, tops: Sequence[float]) -> dict[str, Any]:
    """Return the target's line on each bar, and its label where that fits."""
    if at is None:
        return {"target_path": "", "target_text": ""}
    line = "".join(
        f"M{number(at)} {number(bar - _BEYOND)}V{number(bar + BAR_HEIGHT + _BEYOND)}"
        for bar in tops
    )
    written = shortened(f"Cible{NO_BREAK}: {text}", WIDTH) if text else ""
    width = text_width(written) * EM
    spot = Spot(at, TEXT, "start" if at + width <= WIDTH else "end")
    if at < width < WIDTH and spot.anchor == "end":
        spot = Spot(min(max(at, width / 2), WIDTH - width / 2), TEXT, "middle")
    return {"target_path": line, "target_text": written, "target_spot": spot}


def progress_bar(
    prefix: str, title: str, description: str, *, rate: float | None, expected: float | None
) -> str:
    """Return the progress towards a target, and what a steady pace would have reached, as a bar.

    `rate` and `expected` are in percent, from 0 to 100.
    """
    width, height = PROGRESS
    return draw(
        "progress",
        prefix,
        title,
        description,
        width=width,
        height=height,
        reached=None if rate is None else width * rate / 100,
        expected="" if expected is None else f"M{width * expected / 100:.1f} 0V{height}",
    )
