"""The Région and its départements: what people call them, and where they are on a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from catalogue.territories import REGION_NAME, TERRITORY_NAMES

__all__ = ["DEPARTMENTS", "REGION_NAME", "MapPoint", "geohash", "territory_name"]

_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
_BITS_A_LETTER = 5


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A département's name, and a point in it, in degrees north and east, for its marker."""

    name: str
    latitude: float
    longitude: float


#: By INSEE code, in its order. The points are the centres of IGN's simplified outlines; for
#: Hauts-de-Seine it is Nanterre, as the marker at its centre would hide that of Paris.
DEPARTMENTS: Mapping[str, MapPoint] = MappingProxyType(
    {
        "75": MapPoint(TERRITORY_NAMES["75"], 48.857, 2.343),
        "77": MapPoint(TERRITORY_NAMES["77"], 48.627, 2.934),
        "78": MapPoint(TERRITORY_NAMES["78"], 48.815, 1.841),
        "91": MapPoint(TERRITORY_NAMES["91"], 48.523, 2.243),
        "92": MapPoint(TERRITORY_NAMES["92"], 48.892, 2.207),
        "93": MapPoint(TERRITORY_NAMES["93"], 48.918, 2.478),
        "94": MapPoint(TERRITORY_NAMES["94"], 48.777, 2.469),
        "95": MapPoint(TERRITORY_NAMES["95"], 49.083, 2.131),
    }
)


def territory_name(department: str) -> str:
    """Name a territory by the value of the label `department`: a code, or `region`."""
    return TERRITORY_NAMES[department]


def geohash(latitude: float, longitude: float, *, letters: int = 6) -> str:
    """Give the geohash of a point; six letters are a cell of about 1.2 km by 0.6 km.

    G. Niemeyer's interleaving (geohash.org, 2008): longitude and latitude are halved in turn, and
    each five halvings are a letter.
    """
    east, north = (-180.0, 180.0), (-90.0, 90.0)
    number = 0
    for bit in range(letters * _BITS_A_LETTER):
        if bit % 2 == 0:
            east, upper = _halved(east, longitude)
        else:
            north, upper = _halved(north, latitude)
        number = number * 2 + upper
    return "".join(
        _ALPHABET[number >> (_BITS_A_LETTER * place) & 31] for place in reversed(range(letters))
    )


def _halved(bounds: tuple[float, float], value: float) -> tuple[tuple[float, float], bool]:
    low, high = bounds
    middle = (low + high) / 2
    return ((middle, high), True) if value >= middle else ((low, middle), False)
