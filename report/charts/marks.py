"""A status without words: its mark, and its pattern, so that colour is not all that tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from catalogue.progress import MilestoneStatus
from report.charts.svg import Drawing, element

#: Around (8, 0), 16 wide and high: a stroke, or an area.
_STROKES: Final[Mapping[MilestoneStatus, str]] = MappingProxyType(
    {
        MilestoneStatus.ACHIEVED: "M2 0.5l4 4.5 8-10",
        MilestoneStatus.MISSED: "M3-5l10 10M3 5l10-10",
        MilestoneStatus.UNREPORTED: "M4.5-3a3.5 3.5 0 1 1 5.5 2.5q-2 1.3-2 3M8 6v0.5",
    }
)
_AREAS: Final[Mapping[MilestoneStatus, str]] = MappingProxyType(
    {
        MilestoneStatus.ON_TRACK: "M2.5 0a5.5 5.5 0 1 1 11 0a5.5 5.5 0 1 1-11 0z",
        MilestoneStatus.AT_RISK: "M8-7l7.5 13h-15z",
    }
)

_TILE: Final = 10
#: Lines on the status's colour; without any it is plain.
_HATCHES: Final[Mapping[MilestoneStatus | None, str]] = MappingProxyType(
    {
        MilestoneStatus.ON_TRACK: "M5 2v1M0 7v1M10 7v1",
        MilestoneStatus.AT_RISK: "M-1 1l2-2M0 10l10-10M9 11l2-2",
        MilestoneStatus.MISSED: "M0 0l10 10M0 10l10-10",
        MilestoneStatus.UNREPORTED: "M0 5h10",
    }
)


def status_class(status: MilestoneStatus | None) -> str:
    """Return the class of a status."""
    return f"status-{status or 'none'}"


def mark(status: MilestoneStatus | None, x: str | float, y: float) -> str:
    """Return a status's mark, as large as the type: it begins at x, its middle is at y.

    Without a status there is none.
    """
    if status is None:
        return ""
    stroke = _STROKES.get(status)
    shape = (
        element("path", class_="mark-area", d=_AREAS[status])
        if stroke is None
        else element("path", class_="mark-stroke", d=stroke)
    )
    return element(
        "svg",
        shape,
        class_=f"mark {status_class(status)}",
        x=x,
        y=y,
        width="1em",
        height="1em",
        viewBox="0 0 16 16",
        overflow="visible",
    )


def patterns(drawing: Drawing, statuses: Iterable[MilestoneStatus | None]) -> str:
    """Return the definitions of the patterns of some statuses."""
    return element(
        "defs",
        *(
            element(
                "pattern",
                element("rect", class_=f"fill {status_class(one)}", width=_TILE, height=_TILE),
                element("path", class_="hatch", d=_HATCHES[one]),
                id=drawing.id_of(_pattern_name(one)),
                width=_TILE,
                height=_TILE,
                patternUnits="userSpaceOnUse",
            )
            for one in dict.fromkeys(statuses)
            if one in _HATCHES
        ),
    )


def filled(drawing: Drawing, status: MilestoneStatus | None, class_: str) -> dict[str, str]:
    """Return the attributes that fill an area of a class with a status's colour or pattern."""
    if status in _HATCHES:
        fill = f"url(#{drawing.id_of(_pattern_name(status))})"
        return {"class_": f"{class_} {status_class(status)}", "fill": fill}
    return {"class_": f"{class_} fill {status_class(status)}"}


def _pattern_name(status: MilestoneStatus | None) -> str:
    return f"pattern-{status or 'none'}"
