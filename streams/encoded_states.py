"""The states of one partition, kept as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.state import EntityState, decode_state


class EncodedStates(Mapping[str, EntityState]):
    """States by entity, decoded when they are read: each read returns another object.

    As JSON a state takes a third of the memory of its objects, and the garbage collector passes it
    over.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        """Create a view of states by entity, both encoded."""
        self._values = values

    def __getitem__(self, entity: str) -> EntityState:
        return decode_state(self._values[entity.encode()])

    def get(self, entity: str, default: Any = None, /) -> Any:  # noqa: ANN401 - the default's type
        """Return the state of an entity; the default for one not known."""
        # Mapping's own raises an error within, for each entity not known.
        value = self._values.get(entity.encode())
        return default if value is None else decode_state(value)

    def __contains__(self, entity: object) -> bool:
        return isinstance(entity, str) and entity.encode() in self._values

    def __iter__(self) -> Iterator[str]:
        return (key.decode() for key in self._values)

    def __len__(self) -> int:
        return len(self._values)
