"""Where the départements are on the map."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
_BITS_A_LETTER = 5


class MapPoint(NamedTuple):
    """A point in a département, in degrees north and east, for its marker."""

    latitude: float
    longitude: float


#: By INSEE code, in its order. The points are the centres of IGN's simplified outlines; for
#: Hauts-de-Seine it is Nanterre, as the marker at its centre would hide that of Paris.
MAP_POINTS: Mapping[str, MapPoint] = MappingProxyType(
    {
        "75": MapPoint(48.857, 2.343),
        "77": MapPoint(48.627, 2.934),
        "78": MapPoint(48.815, 1.841),
        "91": MapPoint(48.523, 2.243),
        "92": MapPoint(48.892, 2.207),
        "93": MapPoint(48.918, 2.478),
        "94": MapPoint(48.777, 2.469),
        "95": MapPoint(49.083, 2.131),
    }
)


def geohash(latitude: float, longitude: float, *, letters: int = 6) -> str:
    """Return the geohash of a point; six letters are a cell of about 1.2 km by 0.6 km.

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
        _ALPHABET[number >> (_BITS_A_LETTER * index) & 31] for index in reversed(range(letters))
    )


def _halved(bounds: tuple[float, float], value: float) -> tuple[tuple[float, float], bool]:
    low, high = bounds
    middle = (low + high) / 2
    return ((middle, high), True) if value >= middle else ((low, middle), False)
