"""A rebuild that is cut short by the broker says how far it came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError, NodeNotReadyError, NoError, TopicAuthorizationFailedError

from broker.errors import TopicMismatchError
from broker.topic_admin import SeenTopic
from events.fact import Family
from events.topics import changelog_name
from operations.rebuild import procedure
from operations.rebuild.procedure import (
    ChangelogsLeftError,
    PartitionPlan,
    RightLackingError,
    plan_rebuild,
    rebuild,
)
from streams.settings import Settings

SETTINGS = Settings(partitions=1)
PLAN = [PartitionPlan(Family.SCHOOLS, 0, events_start=0, events_end=9, committed=9, states_end=5)]


class Broker:
    """Stands for kafka-python's admin client, which fails to delete records."""

    def __init__(self, error: KafkaError) -> None:
        self.policies: list[str] = []
        self._error = error

    def describe_groups(self, groups: list[str]) -> dict[str, Any]:
        """Return groups without members."""
        return {group: {"error": None, "members": [], "group_state": "Empty"} for group in groups}

    def alter_group_offsets(self, _: str, offsets: dict[TopicPartition, object]) -> dict[Any, Any]:
        """Set them back."""
        return dict.fromkeys(offsets, NoError)

    def alter_configs(self, resources: list[Any], **_: object) -> dict[str, dict[str, str]]:
        """Note the policy."""
        self.policies += [one.configs["cleanup.policy"] for one in resources]
        return {"topic": {one.name: "OK" for one in resources}}

    def delete_records(self, _: object) -> None:
        """Fail."""
        raise self._error


def on(monkeypatch: pytest.MonkeyPatch, broker: Broker) -> None:
    """Let the procedure ask this broker."""

    @contextmanager
    def administering(*_: object, **__: object) -> Iterator[Broker]:
        yield broker

    monkeypatch.setattr(procedure, "administering", administering)


@pytest.mark.parametrize("partitions", [1, 4])
def test_another_number_of_partitions_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, partitions: int
) -> None:
    """Those beyond it would be left, and "done" be said."""
    on(monkeypatch, Broker(NodeNotReadyError(2)))
    log = changelog_name(SETTINGS.app_id, Family.SCHOOLS)
    monkeypatch.setattr(procedure, "seen_topics", lambda *_: {log: SeenTopic("id", 2)})

    with pytest.raises(TopicMismatchError, match=r"value 2 .*SMART_REGION_PARTITIONS"):
        plan_rebuild(Settings(partitions=partitions))


def test_a_broker_that_ends_meanwhile_leaves_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The offsets were reset, and the topic has its own policy again."""
    broker = Broker(NodeNotReadyError(2))
    on(monkeypatch, broker)

    with pytest.raises(
        ChangelogsLeftError, match="before any worker starts; the offsets were reset"
    ):
        rebuild(SETTINGS, PLAN)

    assert broker.policies == ["compact,delete", "compact"]


def test_a_right_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was done before."""
    on(monkeypatch, Broker(TopicAuthorizationFailedError("log")))

    with pytest.raises(RightLackingError, match=r"Delete.*the offsets were reset"):
        rebuild(SETTINGS, PLAN)
