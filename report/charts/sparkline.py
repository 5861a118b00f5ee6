"""A figure's history as small as a word."""

from __future__ import annotations

from typing import Any, Final

from report.charts.axes import Scale, is_drawable
from report.charts.steps import Points, shown_steps, steps_path, thinned
from report.charts.svg import draw, number

WIDTH: Final = 120
HEIGHT: Final = 32
MOST_STEPS: Final = 60
_EDGE: Final = 4


def sparkline(
    prefix: str,
    title: str,
    description: str,
    points: Points,
    *,
    target: float | None = None,
) -> str:
    """Return a line of 120 by 32, without axes, from the first day to the last.

    Its last known value is marked; the target is a dashed line.
    """
    level = target if is_drawable(target) else None
    parts: dict[str, Any] = {"target": "", "history": "", "now": None}
    if points:
        first, last = points[0][0], points[-1][0]
        steps = thinned(shown_steps(points, first, last), MOST_STEPS)
        known = [value for _, value in steps if value is not None]
        values = known if level is None else [*known, level]
        x = Scale(first.toordinal(), last.toordinal(), _EDGE, WIDTH - _EDGE)
        low, high = min(values, default=0.0), max(values, default=0.0)
        # What never changed is level in the middle.
        apart = 0.0 if low < high else abs(low) + 1
        y = Scale(low - apart, high + apart, HEIGHT - _EDGE, _EDGE)
        if level is not None:
            parts["target"] = f"M0 {number(y.at(level))}H{WIDTH}"
        if known:
            end = last if steps[-1][1] is not None else steps[-1][0]
            parts["history"] = steps_path(steps, last, x, y)
            parts["now"] = x.on(end), y.at(known[-1])
    return draw(
        "sparkline",
        prefix,
        title,
        description,
        width=WIDTH,
        height=HEIGHT,
        radius=_EDGE - 1,
        **parts,
    )
