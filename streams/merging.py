"""The effect of a batch of records on the states of a partition, before it is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from events.fact import Family
from events.record_rules import RecordRules
from events.records import Record
from streams.core import Result, process
from streams.state_store import StateChange, StateStore


def merged(
    state_store: StateStore,
    key: tuple[Family, int],
    records: Sequence[Record],
    *,
    partitions: int,
    rules: RecordRules,
) -> tuple[Result, Mapping[str, StateChange]]:
    """Return the effect of one family's records on the states of a partition, without applying it.

    Raises any error that a record causes in decoding, merge or fold.
    """
    result = process(
        records,
        state_store.states(*key),
        family=key[0],
        partition=key[1],
        partitions=partitions,
        rules=rules,
    )
    return result, state_store.changes(*key, result.changed)
