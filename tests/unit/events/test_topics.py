"""The declaration of the topics."""

import pytest

from events.fact import Family
from events.topics import TopicSpec, declared_topics, topic_name

BY_NAME = {spec.name: spec for spec in declared_topics(partitions=6)}


@pytest.mark.parametrize("family", Family)
def test_events_are_kept_for_ever(family: Family) -> None:
    """Figures are computed again from the first event: none may be deleted or compacted."""
    config = BY_NAME[topic_name(family)].config
    assert (config["retention.ms"], config["cleanup.policy"]) == ("-1", "delete")


@pytest.mark.parametrize(("replication", "in_sync"), [(1, None), (2, None), (3, "2")])
def test_three_replicas_survive_a_loss(replication: int, in_sync: str | None) -> None:
    spec = TopicSpec("t", "k", partitions=1, replication=replication)
    assert spec.config.get("min.insync.replicas") == in_sync
