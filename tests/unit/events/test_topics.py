"""The declaration of the topics."""

import pytest

from events.fact import Family
from events.topics import (
    DEAD_LETTER_OUTCOMES,
    DEAD_LETTERS,
    TopicSpec,
    declared_topics,
    topic_name,
)

BY_NAME = {spec.name: spec for spec in declared_topics(partitions=6)}


def test_all_topics_are_declared() -> None:
    assert set(BY_NAME) == {
        *(topic_name(family) for family in Family),
        DEAD_LETTERS,
        DEAD_LETTER_OUTCOMES,
    }


@pytest.mark.parametrize("family", Family)
def test_events_are_kept_for_ever(family: Family) -> None:
    """Figures are computed again from the first event: none may be deleted or compacted."""
    config = BY_NAME[topic_name(family)].config
    assert (config["retention.ms"], config["cleanup.policy"]) == ("-1", "delete")


@pytest.mark.parametrize("name", BY_NAME)
def test_nothing_is_left_to_what_a_broker_does_with_all_topics(name: str) -> None:
    config = BY_NAME[name].config
    assert config["retention.bytes"] == "-1"
    assert config["compression.type"] == "producer"
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert int(config["max.message.bytes"]) >= 1_048_588


def test_dead_letters_outgrow_what_they_quote() -> None:
    assert int(BY_NAME[DEAD_LETTERS].config["max.message.bytes"]) > 1_048_588


@pytest.mark.parametrize(("replication", "in_sync"), [(1, None), (2, None), (3, "2")])
def test_three_replicas_survive_a_loss(replication: int, in_sync: str | None) -> None:
    spec = TopicSpec("t", "k", partitions=1, replication=replication)
    assert spec.config.get("min.insync.replicas") == in_sync
