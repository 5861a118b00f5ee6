"""The 1 287 communes and arrondissements of Île-de-France, by INSEE code."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from events.document import data_beside
from events.identifiers import Department

PARIS_AS_A_WHOLE = "75056"
"""Paris as one commune; its 20 arrondissements (75101 to 75120) have codes of their own."""


def _codes(department: str, numbers: str) -> tuple[str, ...]:
    bounds = [part.split("-") for part in numbers.split()]
    return tuple(
        f"{department}{number:03d}"
        for first, *last in bounds
        for number in range(int(first), int(last[0] if last else first) + 1)
    )


_DECLARED: Final = data_beside(__file__)
COMMUNES: Final[Mapping[Department, tuple[str, ...]]] = MappingProxyType(
    {Department(code): _codes(code, numbers) for code, numbers in _DECLARED["numbers"].items()}
)
"""Codes by département, in ascending order."""

MERGED_INTO: Final[Mapping[str, str]] = MappingProxyType(_DECLARED["merged_into"])
"""Communes that merged since 2017, and the one whose code remains."""


def counted_within_others(codes: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the codes missing from a full list of communes, each with the codes that count it.

    A merged commune is counted in its successor, and Paris in its arrondissements or vice versa.
    """
    for former, successor in MERGED_INTO.items():
        if successor in codes and former not in codes:
            yield former, successor
    whole, *arrondissements = COMMUNES[Department.PARIS]
    present = [code for code in arrondissements if code in codes]
    if whole in codes and not present:
        yield from ((code, whole) for code in arrondissements)
    elif present and whole not in codes:
        yield whole, present[0]
