"""The territories that figures are of: the Région and its départements, as keys and as names.

In Python a territory is a département's INSEE code, or None for the whole Région. Programmes' files
and the label `department` write the key `region` for None; events and exports a `Territory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from events.territory import TERRITORY

REGION: Final = "region"
REGION_NAME: Final = TERRITORY.name

#: French, by key.
TERRITORY_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {REGION: REGION_NAME, **{one.code: one.name for one in TERRITORY.departments}}
)

#: The same with a département's code after its name, as readers meet it: `Seine-et-Marne (77)`.
TERRITORY_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {key: name if key == REGION else f"{name} ({key})" for key, name in TERRITORY_NAMES.items()}
)


def territory_key(department: str | None) -> str:
    """Return the key of a département's code; None: that of the Région."""
    return department or REGION


def department_of(key: str) -> str | None:
    """Return the département's code of a key; None for the Région."""
    return None if key == REGION else key
