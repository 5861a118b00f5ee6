"""The départements of the Région, by status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from catalogue.progress import MilestoneStatus
from events.territory import TERRITORY
from report.charts.svg import draw, number

_APART: Final = 10
_EDGE: Final = 2
_CORNER: Final = 6


@dataclass(frozen=True, slots=True)
class Area:
    """What a département is shown with."""

    status: MilestoneStatus | None
    text: str
    """What is said of it, after its name: `à risque, 62 %`."""
    href: str | None = None


@cache
def outline_maps() -> Mapping[str, Any]:
    """Return the whole `region`, and an optional `inset` of some, larger; nothing without file.

    Each has its `width` and `height`, and `outlines` by INSEE code: a path, and where its label is.
    The inset `enlarges` a part of the region: its left, top, width and height.
    """
    if TERRITORY.outlines is None:
        return {}
    maps: dict[str, Any] = json.loads(TERRITORY.outlines.read_text(encoding="utf-8"))
    return maps


def region_map(prefix: str, title: str, description: str, areas: Mapping[str, Area]) -> str:
    """Return the map; a département without an area, by INSEE code, is drawn without a status.

    Those of the inset are shown once more, enlarged, with their labels. The map is empty without
    outlines.
    """
    if not outline_maps():
        return ""
    region, inset = outline_maps()["region"], outline_maps().get("inset")
    shown = {code: areas.get(code, Area(None, "")) for code in region["outlines"]}
    frame = (inset["width"] + 2 * _APART, inset["height"] + 2 * _APART) if inset else (0, 0)
    height = max(region["height"], frame[1]) + 2 * _EDGE
    left, top = _EDGE + region["width"] + _APART, (height - frame[1]) / 2
    return draw(
        "map",
        prefix,
        title,
        description,
        width=left + frame[0] + _EDGE,
        height=height,
        has_links=any(area.href for area in shown.values()),
        region=region,
        inset=inset,
        enlarged=inset["outlines"] if inset else {},
        areas=shown,
        frame=frame,
        left=left,
        top=top,
        lens=_lens(inset["enlarges"], left, top, frame[1]) if inset else "",
        apart=_APART,
        edge=_EDGE,
        corner=_CORNER,
    )


def _lens(enlarged: tuple[float, float, float, float], left: float, top: float, tall: float) -> str:
    """Return the path around what the inset enlarges, and the lines from it to the inset."""
    x, y, width, height = enlarged
    x, y, right, bottom = x + _EDGE, y + _EDGE, x + _EDGE + width, y + _EDGE + height
    return (
        f"M{number(x)} {number(y)}H{number(right)}V{number(bottom)}H{number(x)}z"
        f"M{number(right)} {number(y)}L{number(left)} {number(top + _CORNER)}"
        f"M{number(right)} {number(bottom)}L{number(left)} {number(top + tall - _CORNER)}"
    )
