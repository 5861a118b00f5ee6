"""What people call the Région and its départements."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from catalogue.metrics import REGION

__all__ = ["REGION_NAME", "TERRITORY_NAMES"]

REGION_NAME: Final = "Île-de-France"

#: By INSEE code, and the Région by the label `region`.
TERRITORY_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        REGION: REGION_NAME,
        "75": "Paris",
        "77": "Seine-et-Marne",
        "78": "Yvelines",
        "91": "Essonne",
        "92": "Hauts-de-Seine",
        "93": "Seine-Saint-Denis",
        "94": "Val-de-Marne",
        "95": "Val-d’Oise",
    }
)
