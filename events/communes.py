"""The communes and arrondissements of the territory, by INSEE code."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from events.identifiers import DEPARTMENTS, Department
from events.territory import TERRITORY

COMMUNES: Final[Mapping[Department, tuple[str, ...]]] = MappingProxyType(
    {DEPARTMENTS[code]: codes for code, codes in TERRITORY.communes.items()}
)
"""Codes by département, in ascending order; none where the territory's file declares none."""

ARRONDISSEMENTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(TERRITORY.divided)
"""The codes of the arrondissements of a commune that may be reported as a whole, such as Paris."""

WHOLE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {one: whole for whole, parts in ARRONDISSEMENTS.items() for one in parts}
)
"""The whole commune of an arrondissement."""

MERGED_INTO: Final[Mapping[str, str]] = MappingProxyType(dict(TERRITORY.merged_into))
"""Communes that merged since 2017, and the one whose code remains."""


def counted_within_others(codes: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the codes missing from a full list of communes, each with the codes that count it.

    A merged commune is counted in its successor, and a divided one in its arrondissements or vice
    versa.
    """
    for former, successor in MERGED_INTO.items():
        if successor in codes and former not in codes:
            yield former, successor
    for whole, arrondissements in ARRONDISSEMENTS.items():
        present = [code for code in arrondissements if code in codes]
        if whole in codes and not present:
            yield from ((code, whole) for code in arrondissements)
        elif present and whole not in codes:
            yield whole, present[0]
