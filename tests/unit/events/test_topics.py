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
    """Every family's events, the dead letters, and their outcomes."""
    assert set(BY_NAME) == {
        *(topic_name(family) for family in Family),
        DEAD_LETTERS,
        DEAD_LETTER_OUTCOMES,
    }


def test_names_are_those_that_producers_use() -> None:
    """Producers and operators' access rules depend on these names."""
    assert topic_name(Family.SCHOOLS) == "smartregion.schools"
    assert DEAD_LETTERS == "smartregion.dead-letters"


@pytest.mark.parametrize("family", Family)
def test_events_are_kept_for_ever(family: Family) -> None:
    """Figures are computed again from the first event: none may be deleted or compacted."""
    config = BY_NAME[topic_name(family)].config
    assert (config["retention.ms"], config["cleanup.policy"]) == ("-1", "delete")


@pytest.mark.parametrize("name", BY_NAME)
def test_nothing_is_left_to_what_a_broker_does_with_all_topics(name: str) -> None:
    """Deleted by size, packed anew, cut in size or dated by whoever writes: not here."""
    config = BY_NAME[name].config
    assert config["retention.bytes"] == "-1"
    assert config["compression.type"] == "producer"
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert int(config["max.message.bytes"]) >= 1_048_588


def test_dead_letters_outgrow_what_they_quote() -> None:
    """The largest record that a broker takes fits in a dead letter with its reason."""
    assert int(BY_NAME[DEAD_LETTERS].config["max.message.bytes"]) > 1_048_588


def test_dead_letters_are_kept_for_ninety_days() -> None:
    """There is a quarter to look at what was refused, and no more."""
    assert BY_NAME[DEAD_LETTERS].config["retention.ms"] == str(90 * 24 * 60 * 60 * 1000)


def test_what_became_of_a_dead_letter_is_known_as_long_as_the_letter() -> None:
    """The last outcome of each letter is kept, whatever its age, and in one order for all."""
    outcomes = BY_NAME[DEAD_LETTER_OUTCOMES]
    assert (outcomes.config["cleanup.policy"], outcomes.config["retention.ms"]) == ("compact", "-1")
    assert outcomes.partitions == 1


@pytest.mark.parametrize(("replication", "in_sync"), [(1, None), (2, None), (3, "2")])
def test_three_replicas_survive_a_loss(replication: int, in_sync: str | None) -> None:
    """With three replicas an acknowledged record is on two, so that one broker may be lost."""
    spec = TopicSpec("t", "k", partitions=1, replication=replication)
    assert spec.config.get("min.insync.replicas") == in_sync
