"""The communes of the territory, by share: their names, their outlines, and the map of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain, pairwise
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from events.communes import ARRONDISSEMENTS, COMMUNES, MERGED_INTO, WHOLE_OF
from events.identifiers import commune_department
from events.territory import TERRITORY
from report.charts.svg import draw, number

Point: TypeAlias = tuple[float, float]
"""How far right and how far down a point is, in the units of the map."""

CLASSES: Final = 5
"""How many shares are told apart: each is a fifth of the whole."""
_EDGE: Final = 4
_SPOTS_ACROSS: Final = 110
"""How many times the size of a spot a map is wide or high."""
_NUMBERS: Final = re.compile(r"-?\d+")


@dataclass(frozen=True, slots=True)
class CommuneOutline:
    """A commune with its outline, in the units of the map."""

    code: str
    """The INSEE code."""
    name: str
    path: str
    left: int
    top: int
    right: int
    bottom: int

    def contains(self, point: Point) -> bool:
        """Return whether a point is within the outline."""
        x, y = point
        crossed = 0
        for ring in _rings(self.path):
            for (left, above), (right, below) in pairwise([*ring, ring[0]]):
                if (above > y) != (below > y):
                    crossed += x < left + (y - above) * (right - left) / (below - above)
        return crossed % 2 == 1


class MapSpot(NamedTuple):
    """A place on the map: a circle where it counts, a triangle where it does not."""

    point: Point
    counts: bool
    href: str = ""
    name: str = ""

    def drawn(self, size: float) -> tuple[str, str]:
        """Return its classes and its path; `size` is about that from its middle to its edge."""
        (x, y), s = self.point, number(size)
        if self.counts:
            path = f"M{number(x - size)} {number(y)}a{s} {s} 0 1 0 {number(2 * size)} 0"
            return "spot spot-counted", f"{path}a{s} {s} 0 1 0 -{number(2 * size)} 0z"
        path = f"M{number(x)} {number(y - 1.2 * size)}l{number(1.2 * size)} {number(2.2 * size)}"
        return "spot spot-missing", f"{path}h-{number(2.4 * size)}z"


@cache
def communes() -> Mapping[str, CommuneOutline]:
    """Return the communes by INSEE code, those divided into arrondissements as one.

    Without a file of outlines each has its code instead of a name, and an empty outline.
    """
    rows: dict[str, tuple[str, str]] = _file().get("communes") or {
        code: (code, "") for code in chain(*COMMUNES.values()) if code not in WHOLE_OF
    }
    return MappingProxyType(
        {code: CommuneOutline(code, name, path, *_box(path)) for code, (name, path) in rows.items()}
    )


@cache
def _file() -> Mapping[str, Any]:
    """Return the outlines and their place; neighbours have the same points on their border.

    The map begins at `west` and `north`, in degrees, and a degree is `across` and `down` units.
    """
    if TERRITORY.commune_outlines is None:
        return {"west": 0, "north": 0, "across": 1, "down": 1}
    text = TERRITORY.commune_outlines.read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _rings(path: str) -> Iterator[list[tuple[int, int]]]:
    """Yield the points of each ring of a path of relative lines."""
    for ring in path.split("M")[1:]:
        numbers = [int(one) for one in _NUMBERS.findall(ring)]
        yield list(zip(accumulate(numbers[::2]), accumulate(numbers[1::2]), strict=True))


def _box(path: str) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom of a path."""
    if not path:
        return 0, 0, 0, 0
    across, down = zip(*(point for ring in _rings(path) for point in ring), strict=True)
    return min(across), min(down), max(across), max(down)


def point_at(position: str) -> Point:
    """Return where a position (WGS 84, `latitude,longitude`) is on the map."""
    latitude, longitude = map(float, position.split(","))
    place = _file()
    across, down = longitude - place["west"], place["north"] - latitude
    return across * place["across"], down * place["down"]


def position_at(point: Point) -> str:
    """Return the position of a point of the map, to six decimals: a tenth of a metre."""
    (x, y), place = point, _file()
    latitude = place["north"] - y / place["down"]
    return f"{latitude:.6f},{place['west'] + x / place['across']:.6f}"


@cache
def centre_of(code: str) -> Point | None:
    """Return the mean of a commune's outline, by any of its codes; None for an unknown one."""
    outline = communes().get(commune_of(code))
    if outline is None or not outline.path:
        return None
    across, down = zip(*(point for ring in _rings(outline.path) for point in ring), strict=True)
    return sum(across) / len(across), sum(down) / len(down)


def commune_of(code: str) -> str:
    """Return the commune of a code that may be an arrondissement's, or a former one's."""
    if code in WHOLE_OF:
        return WHOLE_OF[code]
    return code if code in communes() else MERGED_INTO.get(code, code)


def codes_of(commune: str) -> list[str]:
    """Return the codes under which events name a commune: its own and those that are part of it."""
    former = (code for code, whole in MERGED_INTO.items() if whole == commune)
    return [commune, *ARRONDISSEMENTS.get(commune, ()), *former]


def codes_within(department: str) -> frozenset[str]:
    """Return the communes of a département."""
    return frozenset(code for code in communes() if commune_department(code) == department)


def share_class(share: float | None) -> str:
    """Return the class of a share of 1, from `1` to `5`; `none` without one."""
    return "none" if share is None else str(min(int(share * CLASSES), CLASSES - 1) + 1)


def commune_map(  # noqa: PLR0913 - what is drawn, by name
    prefix: str,
    title: str,
    description: str,
    shares: Mapping[str, float] | None = None,
    *,
    within: Collection[str] | None = None,
    chosen: str = "",
    label: Callable[[str], tuple[str, str]] | None = None,
    spots: Sequence[MapSpot] = (),
) -> str:
    """Return the map of some communes (None: of all), by their shares of 1, with spots on it.

    It is empty where no commune has an outline.
    `label` returns a commune's link and its name with its share; without it communes of one class
    are one path, and so are spots without a link. Without `shares` the communes are the ground that
    spots stand on. `chosen` is outlined.
    """
    shown = [one for code, one in communes().items() if within is None or code in within]
    if not any(one.path for one in shown):
        return ""
    left = min(one.left for one in shown) - _EDGE
    top = min(one.top for one in shown) - _EDGE
    right = max(one.right for one in shown) + _EDGE
    bottom = max(one.bottom for one in shown) + _EDGE
    merged: dict[str, str] = {}
    linked: list[tuple[str, str, str, str]] = []
    for one in shown:
        ground = "ground" if shares is None else f"share-{share_class(shares.get(one.code))}"
        if label is None:
            merged[f"area {ground}"] = merged.get(f"area {ground}", "") + one.path
        else:
            linked.append((f"area {ground}", one.path, *label(one.code)))
    # Circles first: those that are missing stand on top.
    for spot in sorted(spots, key=lambda one: one.counts, reverse=True):
        name, path = spot.drawn(max(right - left, bottom - top) / _SPOTS_ACROSS)
        if spot.href:
            linked.append((name, path, spot.href, spot.name))
        else:
            merged[name] = merged.get(name, "") + path
    return draw(
        "communes",
        prefix,
        title,
        description,
        width=right - left,
        height=bottom - top,
        has_links=bool(linked),
        left=-left,
        top=-top,
        merged=merged,
        linked=linked,
        chosen=communes()[chosen].path if chosen in communes() else "",
    )
