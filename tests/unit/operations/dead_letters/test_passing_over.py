"""The records that may be passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition

from boundary.errors import SmartRegionError
from broker.settings import load_broker_settings
from events.dead_letters import RecordOrigin
from events.fact import Family
from events.topics import topic_name
from operations.dead_letters import passing_over

SCHOOLS = topic_name(Family.SCHOOLS)
END = 42


@pytest.fixture(autouse=True)
def topic(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def administering(*_: object, **__: object) -> Iterator[Any]:
        yield None

    def seen(_: object, names: Iterable[str]) -> Mapping[str, Any]:
        return {name: SimpleNamespace(partitions=8) for name in names if name == SCHOOLS}

    def ends(_: object, partitions: Iterable[TopicPartition], __: object) -> Mapping[Any, int]:
        return dict.fromkeys(partitions, END)

    monkeypatch.setattr(passing_over, "administering", administering)
    monkeypatch.setattr(passing_over, "seen_topics", seen)
    monkeypatch.setattr(passing_over, "partition_offsets", ends)


def test_a_record_that_was_written_may_be_passed_over() -> None:
    origins = [RecordOrigin(SCHOOLS, 0, 0), RecordOrigin(SCHOOLS, 7, END - 1)]
    passing_over.verify_written(load_broker_settings(), origins)


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        (RecordOrigin(SCHOOLS, 7, END), f"the partition ends at {END}"),
        (RecordOrigin(SCHOOLS, 8, 0), "no such partition"),
        (RecordOrigin(topic_name(Family.GRANTS), 0, 0), "no such partition"),
    ],
)
def test_a_record_that_is_yet_to_come_is_not(origin: RecordOrigin, problem: str) -> None:
    """A slip of the hand would have an event refused that somebody sends later."""
    written = RecordOrigin(SCHOOLS, 0, 0)
    with pytest.raises(SmartRegionError, match=problem):
        passing_over.verify_written(load_broker_settings(), [written, origin])
