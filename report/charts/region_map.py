"""The eight départements of Île-de-France, by status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from catalogue.progress import MilestoneStatus
from catalogue.territories import TERRITORY_TITLES
from report.charts.labels import Side
from report.charts.marks import filled, mark, patterns
from report.charts.svg import Drawing, element, link, number

_APART: Final = 10
_EDGE: Final = 2
_CORNER: Final = 6

#: A label's plate, in em: its height, its width with a mark and without, where the mark begins, and
#: where the middle of the code is.
_PLATE_HEIGHT: Final = 1.4
_PLATE: Final = 3.4
_PLATE_WITHOUT_MARK: Final = 2.1
_MARK_AT: Final = 0.4
_CODE_FROM_RIGHT: Final = 1.05
_PLATE_CORNER: Final = 0.3


@dataclass(frozen=True, slots=True)
class Area:
    """What a département is shown with."""

    status: MilestoneStatus | None
    text: str
    """What is said of it, after its name: `à risque, 62 %`."""
    href: str | None = None


class Outline(NamedTuple):
    """A département's outline, and where its label is."""

    path: str
    label: tuple[float, float]


class OutlineMap(NamedTuple):
    """The outlines of some départements by INSEE code, and the room that they take."""

    width: int
    height: int
    outlines: Mapping[str, Outline]
    enlarges: tuple[float, float, float, float] | None
    """Left, top, width and height of what it shows of the other map."""


@cache
def outline_maps() -> tuple[OutlineMap, OutlineMap]:
    """Return the whole Région, and Paris with the petite couronne, larger: `outlines.json`."""
    read = json.loads((files("report.charts") / "outlines.json").read_text(encoding="utf-8"))
    region, inset = (
        OutlineMap(
            one["width"],
            one["height"],
            {
                code: Outline(outline["path"], (outline["label"][0], outline["label"][1]))
                for code, outline in one["outlines"].items()
            },
            one.get("enlarges"),
        )
        for one in (read["region"], read["inset"])
    )
    return region, inset


def region_map(prefix: str, title: str, description: str, areas: Mapping[str, Area]) -> str:
    """Return the map; a département without an area, by INSEE code, is drawn without a status.

    Paris and the petite couronne are shown once more, enlarged, with their labels.
    """
    drawing = Drawing(prefix, title, description)
    region, inset = outline_maps()
    shown = {code: areas.get(code, Area(None, "")) for code in region.outlines}
    frame = inset.width + 2 * _APART, inset.height + 2 * _APART
    height = max(region.height, frame[1]) + 2 * _EDGE
    left, top = _EDGE + region.width + _APART, (height - frame[1]) / 2
    outer = [(code, outline, code in inset.outlines) for code, outline in region.outlines.items()]
    return drawing.write(
        patterns(drawing, (area.status for area in shown.values())),
        _moved(
            _EDGE,
            _EDGE,
            *(_shape(drawing, code, one, shown[code], is_copy=again) for code, one, again in outer),
        ),
        _lens(inset, left, top, frame[1]),
        element("rect", class_="frame", x=left, y=top, width=frame[0], height=frame[1], rx=_CORNER),
        _moved(
            left + _APART,
            top + _APART,
            *(_shape(drawing, code, one, shown[code]) for code, one in inset.outlines.items()),
        ),
        *(
            _label(code, (_EDGE + one.label[0], _EDGE + one.label[1]), shown[code])
            for code, one, again in outer
            if not again
        ),
        *(
            _label(code, (left + _APART + one.label[0], top + _APART + one.label[1]), shown[code])
            for code, one in inset.outlines.items()
        ),
        width=left + frame[0] + _EDGE,
        height=height,
        kind="map",
        has_links=any(area.href for area in shown.values()),
    )


def _moved(x: float, y: float, *parts: str) -> str:
    return element("g", *parts, transform=f"translate({number(x)} {number(y)})")


def _shape(
    drawing: Drawing, code: str, outline: Outline, area: Area, *, is_copy: bool = False
) -> str:
    """Return an outline, and its link."""
    shape = element("path", **filled(drawing, area.status, "area"), d=outline.path)
    if not area.href:
        return shape
    return link(area.href, f"{TERRITORY_TITLES[code]}\u00a0: {area.text}", shape, is_copy=is_copy)


def _label(code: str, place: tuple[float, float], area: Area) -> str:
    """Return a code with its mark on a plate, which lets clicks through to the outline."""
    width = _PLATE if area.status else _PLATE_WITHOUT_MARK
    return element(
        "g",
        element(
            "rect",
            class_="plate",
            x=_em(-width / 2),
            y=_em(-_PLATE_HEIGHT / 2),
            width=_em(width),
            height=_em(_PLATE_HEIGHT),
            rx=_em(_PLATE_CORNER),
        ),
        mark(area.status, _em(_MARK_AT - width / 2), 0),
        element(
            "text",
            code,
            class_="label",
            x=_em(width / 2 - _CODE_FROM_RIGHT),
            dy=_em(Side.LEVEL.value),
            text_anchor="middle",
        ),
        class_="plated",
        transform=f"translate({' '.join(map(number, place))})",
    )


def _em(length: float) -> str:
    return f"{round(length, 2)}em"


def _lens(inset: OutlineMap, left: float, top: float, height: float) -> str:
    """Return the rectangle that the inset enlarges, and the lines from it to the inset."""
    assert inset.enlarges is not None  # noqa: S101 - the inset's file says what it enlarges
    x, y, width, tall = inset.enlarges
    x, y, right, bottom = x + _EDGE, y + _EDGE, x + _EDGE + width, y + _EDGE + tall
    return element(
        "path",
        class_="lens",
        d=f"M{number(x)} {number(y)}H{number(right)}V{number(bottom)}H{number(x)}z"
        f"M{number(right)} {number(y)}L{number(left)} {number(top + _CORNER)}"
        f"M{number(right)} {number(bottom)}L{number(left)} {number(top + height - _CORNER)}",
    )
