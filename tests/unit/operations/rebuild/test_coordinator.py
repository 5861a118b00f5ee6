"""A broker that nobody has asked about a group yet makes its coordinator only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import CoordinatorNotAvailableError

from broker.topic_admin import SeenTopic
from operations.rebuild import procedure
from operations.rebuild.procedure import (
    NoCoordinatorError,
    UnknownApplicationError,
    plan_rebuild,
)
from streams.settings import Settings

SETTINGS = Settings(partitions=1)


@dataclass
class NewBroker:
    """Stands for kafka-python's admin client; it has a coordinator after some questions."""

    refusals: int

    def describe_groups(self, groups: list[str]) -> dict[str, Any]:
        """Refuse, or return groups that nobody ever joined."""
        if self.refusals:
            self.refusals -= 1
            raise CoordinatorNotAvailableError
        empty = {"error": "GROUP_ID_NOT_FOUND", "members": None, "group_state": "Dead"}
        return dict.fromkeys(groups, empty)

    def list_partition_offsets(self, wanted: Any, **_: object) -> dict[Any, Any]:  # noqa: ANN401
        """Return empty partitions."""
        return dict.fromkeys(wanted, SimpleNamespace(offset=0))

    def list_group_offsets(self, group: str) -> dict[str, Any]:
        """Return no offset."""
        return {group: {}}


def on(monkeypatch: pytest.MonkeyPatch, broker: NewBroker) -> None:
    """Let the procedure ask this broker."""

    @contextmanager
    def administering(*_: object, **__: object) -> Iterator[NewBroker]:
        yield broker

    monkeypatch.setattr(procedure, "administering", administering)
    monkeypatch.setattr(
        procedure, "seen_topics", lambda _, names: {name: SeenTopic("id", 1) for name in names}
    )


def test_the_coordinator_of_a_new_broker_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer was told as if no broker were there."""
    on(monkeypatch, NewBroker(refusals=2))

    assert sum(one.events for one in plan_rebuild(SETTINGS)) == 0


def test_a_broker_without_a_coordinator_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to look at: the broker itself has answered."""
    monkeypatch.setattr(procedure, "COORDINATOR_SECONDS", 0.0)
    on(monkeypatch, NewBroker(refusals=9))

    with pytest.raises(NoCoordinatorError, match="__consumer_offsets"):
        plan_rebuild(SETTINGS)


def test_an_application_that_nobody_knows_is_not_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the workers stayed as it was, where "done" was said of this one."""
    on(monkeypatch, NewBroker(refusals=0))
    monkeypatch.setattr(procedure, "seen_topics", lambda *_: {})

    with pytest.raises(UnknownApplicationError, match="SMART_REGION_APP_ID"):
        plan_rebuild(SETTINGS)
