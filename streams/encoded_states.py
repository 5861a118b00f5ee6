"""The states of one partition, kept as they are written: the JSON values of the changelog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streams.state import EntityState, decode_state

__all__ = ["EncodedStates"]


class EncodedStates(Mapping[str, EntityState]):
    """States by entity, decoded when they are read: each read returns another object.

    As JSON a state takes a third of the memory of its objects, and the garbage collector passes it
    over.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, bytes]) -> None:
        """Create a view of encoded states."""
        self._values = values

    def __getitem__(self, entity: str) -> EntityState:
        return decode_state(self._values[entity])

    def __contains__(self, entity: object) -> bool:
        return entity in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
