"""Snapshots of partitions in a folder, and a store whose states they contain."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from catalogue.loader import load_catalogue
from catalogue.terms import Term
from events.fact import Family
from events.last_record import LastRecord
from events.topics import topic_name
from streams.engine import Engine
from streams.meters import Meters
from streams.partition_snapshots import PartitionSnapshots
from streams.state_store import Position, StateStore
from tests.support.histories import event, state_of, uai
from tests.support.records import PARTITIONS

PARTITION: Final = (Family.SCHOOLS, 0)
SCHOOL: Final = uai("0750001")
POSITION: Final = Position(42, LastRecord(offset=41, timestamp=7, key=9), 3)
TOPIC_IDS: Final = {topic_name(family): f"id of {family}" for family in Family}


@cache
def terms() -> tuple[Term, ...]:
    return load_catalogue().terms


def a_store(position: Position = POSITION) -> StateStore:
    store = StateStore(terms())
    store.put(*PARTITION, {SCHOOL: state_of(event("school.connected", SCHOOL, "2018-03-01"))})
    store.move(*PARTITION, position)
    return store


def snapshots_in(
    folder: Path,
    store: StateStore,
    *,
    rules: str = "rules",
    ids: Callable[[], Mapping[str, str]] = lambda: TOPIC_IDS,
    unprocessable: Collection[tuple[Family, int]] = (),
    **given: Any,
) -> PartitionSnapshots:
    engine = SimpleNamespace(
        state_store=store,
        meters=Meters(),
        rules_fingerprint=rules,
        partitions=PARTITIONS,
        unprocessable=unprocessable,
    )
    return PartitionSnapshots(folder, cast("Engine", engine), ids, **given)
