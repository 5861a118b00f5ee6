"""What a batch of records does to the states of a partition, before it is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from events.fact import Family
from events.record_rules import RecordRules
from events.records import Record
from streams.core import Result, process
from streams.state import LARGE_STATE_BYTES, encode_state
from streams.state_store import StateChange, StateStore


class Merged(NamedTuple):
    """The result of a batch, and what it changes."""

    result: Result
    states: Mapping[str, bytes]
    """The new state of each changed entity, encoded."""
    changes: Mapping[str, StateChange]


def merged(
    state_store: StateStore,
    key: tuple[Family, int],
    records: Sequence[Record],
    *,
    partitions: int,
    rules: RecordRules,
) -> Merged:
    """Return what records of one partition of one family do to its states; nothing is applied.

    Raises what a record makes the decoding, the merge or the fold raise.
    """
    states, sizes = state_store.states(*key), state_store.sizes(*key)

    def processed(sizes: Mapping[str, int]) -> tuple[Result, dict[str, bytes]]:
        result = process(
            records,
            states,
            family=key[0],
            partition=key[1],
            partitions=partitions,
            sizes=sizes,
            rules=rules,
        )
        return result, {entity: encode_state(one) for entity, one in result.changed.items()}

    result, values = processed(sizes)
    grown = [
        entity
        for entity, value in values.items()
        if len(value) > LARGE_STATE_BYTES and entity not in sizes
    ]
    if grown:
        # Once per entity that becomes large: from then on its size is known and checked.
        before = {entity: len(encode_state(result.known[entity])) for entity in grown}
        result, values = processed({**before, **sizes})
    changes = state_store.changes(*key, result.changed, values=values, known=result.known)
    return Merged(result, values, changes)
