"""Creating and checking topics, on a client that answers as kafka-python's does."""

from collections.abc import Sequence
from typing import Any

import pytest
from kafka.admin import ConfigResource
from kafka.errors import KafkaTimeoutError

from boundary.errors import SmartRegionError
from broker import clients, topic_admin
from broker.errors import BrokerRefusedError, TopicMismatchError
from broker.topic_admin import apply_topics, verify_topics, wait_for_settings
from events.topics import TopicSpec

SPECS = (
    TopicSpec("events", "id", partitions=3, replication=1),
    TopicSpec("state", "id", partitions=3, replication=1, compacted=True),
)
EVENTS = SPECS[0].config
UNKNOWN_TOPIC = 3
TOPIC_EXISTS = 36
BAD_REPLICATION = 38


class Cluster:
    def __init__(self) -> None:
        self.topics: dict[str, dict[str, Any]] = {}
        self._created: set[str] = set()
        self.create_error = 0
        self.ready_ms = 0
        """Until a broker serves topics that were created."""
        self.unheard: list[ConfigResource] = []
        """Alterations of which the broker hears one at each question."""
        self.unaware = 0
        """Answers about topics by a broker that has not heard of those that were created."""
        self.shows_settings = True
        self.closed = False

    def add(self, spec: TopicSpec, **changes: Any) -> None:
        self.topics[spec.name] = {
            "num_partitions": spec.partitions,
            "replication_factor": spec.replication,
            "configs": dict(spec.config),
            **changes,
        }

    def describe_topics(self, names: Sequence[str]) -> list[dict[str, Any]]:
        is_unaware = self._created and self.unaware
        self.unaware -= bool(is_unaware)
        unknown = self._created if is_unaware else ()
        return [self._described(name, self.topics if name not in unknown else {}) for name in names]

    @staticmethod
    def _described(name: str, topics: dict[str, dict[str, Any]]) -> dict[str, Any]:
        topic = topics.get(name)
        if topic is None:
            return {"name": name, "error_code": UNKNOWN_TOPIC, "partitions": []}
        replicas = {"replica_nodes": list(range(topic["replication_factor"]))}
        return {
            "name": name,
            "error_code": 0,
            "partitions": [replicas] * topic["num_partitions"],
        }

    def create_topics(self, topics: dict[str, Any], *, raise_errors: bool) -> dict[str, Any]:
        assert not raise_errors
        for name, topic in topics.items():
            if self.create_error in (0, TOPIC_EXISTS):
                self.topics[name] = topic
                self._created.add(name)
        return {"topics": [{"name": name, "error_code": self.create_error} for name in topics]}

    def wait_for_topics(self, names: Sequence[str], *, timeout_ms: int) -> None:
        if not set(names) <= set(self.topics) or self.ready_ms > timeout_ms:
            raise KafkaTimeoutError

    def describe_configs(
        self, resources: Sequence[ConfigResource], *, config_filter: str
    ) -> dict[str, Any]:
        assert config_filter == "all"
        answer = self._settings(resources)
        if self.unheard:
            altered = self.unheard.pop()
            self.topics[altered.name]["configs"].update(altered.configs)
        return answer

    def _settings(self, resources: Sequence[ConfigResource]) -> dict[str, Any]:
        return {
            "topic": {
                resource.name: {
                    setting: {"value": value}
                    for setting, value in self.topics[resource.name]["configs"].items()
                    if self.shows_settings
                }
                for resource in resources
            }
        }

    def alter_configs(
        self, resources: Sequence[ConfigResource], *, raise_on_unknown: bool
    ) -> dict[str, Any]:
        assert not raise_on_unknown
        self.unheard.extend(resources)
        return {"topic": {resource.name: "OK" for resource in resources}}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(clients, "opened", lambda *_, **__: cluster)
    return cluster


def test_only_what_is_missing_is_created(cluster: Cluster) -> None:
    cluster.add(SPECS[0])
    report = apply_topics("b:1", SPECS)
    assert (report.created, report.verified) == (("state",), ("events",))
    assert cluster.topics["state"]["configs"] == SPECS[1].config
    report = apply_topics("b:1", SPECS)
    assert (report.created, report.verified) == ((), ("events", "state"))
    assert cluster.closed


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"num_partitions": 4}, "partitions"),
        ({"replication_factor": 2}, "replication"),
        ({"configs": {**EVENTS, "retention.ms": "1000"}}, "retention.ms"),
        ({"configs": {**EVENTS, "cleanup.policy": "compact"}}, "cleanup.policy"),
        ({"configs": {**EVENTS, "retention.bytes": "1000"}}, "retention.bytes"),
        ({"configs": {**EVENTS, "message.timestamp.type": "CreateTime"}}, "message.timestamp.type"),
        ({"configs": {"cleanup.policy": "delete"}}, "retention.bytes"),
    ],
)
def test_a_difference_is_named_and_left_alone(
    cluster: Cluster, changes: dict[str, Any], field: str
) -> None:
    cluster.add(SPECS[0], **changes)
    before = dict(cluster.topics["events"])
    with pytest.raises(TopicMismatchError) as refused:
        apply_topics("b:1", SPECS[:1], alter_settings=field == "partitions")
    assert (refused.value.topic, refused.value.field) == ("events", field)
    assert cluster.topics["events"] == before


def test_settings_are_altered_where_that_is_asked_for(cluster: Cluster) -> None:
    own = {"segment.bytes": "1048576"}
    configs = {**SPECS[0].config, "retention.ms": "1000", **own}
    del configs["retention.bytes"]
    cluster.add(SPECS[0], configs=configs)

    report = apply_topics("b:1", SPECS, alter_settings=True)

    assert (report.created, report.altered) == (("state",), ("events",))
    assert cluster.topics["events"]["configs"] == {**SPECS[0].config, **own}
    assert apply_topics("b:1", SPECS, alter_settings=True).altered == ()


@pytest.mark.parametrize("is_shown", [True, False])
def test_an_alteration_is_waited_for_where_it_can_be_seen(
    cluster: Cluster,
    *,
    is_shown: bool,
) -> None:
    wanted = {"segment.ms": "1"}
    cluster.add(SPECS[0])
    cluster.shows_settings = is_shown
    others = [ConfigResource("topic", "events", {"x": str(number)}) for number in range(3)]
    cluster.unheard = [ConfigResource("topic", "events", wanted), *others]

    wait_for_settings(cluster, ["events"], wanted)

    assert len(cluster.unheard) == (0 if is_shown else 3)


def test_settings_that_are_not_shown_are_not_judged(cluster: Cluster) -> None:
    cluster.shows_settings = False
    cluster.add(SPECS[0], configs={})

    assert verify_topics("b:1", SPECS[:1]) == (SPECS[0].name,)


def test_settings_that_are_new_are_borne_where_that_is_asked_for(cluster: Cluster) -> None:
    """A worker starts on topics from before 1.0, and reports each difference; others stop it."""
    tolerated: list[TopicMismatchError] = []
    older = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "1000"}
    cluster.add(SPECS[0], configs={**EVENTS, **older, "message.timestamp.type": "CreateTime"})

    verify_topics("b:1", SPECS[:1], tolerate=tolerated.append)

    assert {error.field for error in tolerated} == {"retention.bytes", "message.timestamp.type"}
    cluster.add(SPECS[0], configs={**EVENTS, "retention.ms": "1000"})
    with pytest.raises(TopicMismatchError, match=r"retention\.ms"):
        verify_topics("b:1", SPECS[:1], tolerate=tolerated.append)


def test_verifying_creates_nothing(cluster: Cluster) -> None:
    with pytest.raises(TopicMismatchError, match="absent"):
        verify_topics("b:1", SPECS)
    assert cluster.topics == {}


def test_another_s_creation_at_the_same_time_is_welcome(cluster: Cluster) -> None:
    cluster.create_error = TOPIC_EXISTS
    assert apply_topics("b:1", SPECS).verified == ("events", "state")


def test_a_refused_creation_is_reported(cluster: Cluster) -> None:
    cluster.create_error = BAD_REPLICATION
    with pytest.raises(BrokerRefusedError, match=r"'events'.*InvalidReplicationFactor"):
        apply_topics("b:1", SPECS)


def test_a_slow_broker_has_a_minute_to_serve_new_topics(cluster: Cluster) -> None:
    cluster.ready_ms = 30_000
    assert apply_topics("b:1", SPECS).created == ("events", "state")


def test_a_broker_that_has_not_heard_of_new_topics_is_asked_again(cluster: Cluster) -> None:
    """The one that said that they are ready may be another."""
    cluster.add(SPECS[0])
    cluster.unaware = 2

    assert apply_topics("broker:9092", SPECS).created == (SPECS[1].name,)


def test_a_broker_that_never_hears_of_new_topics_is_reported(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_admin, "PROPAGATION_SECONDS", 0.1)
    cluster.unaware = 1_000_000

    with pytest.raises(TopicMismatchError, match="absent"):
        apply_topics("broker:9092", SPECS)


def test_topics_that_no_broker_serves_are_reported_as_created(cluster: Cluster) -> None:
    cluster.ready_ms = 61_000
    with pytest.raises(SmartRegionError, match=r"topics: events, state created, .* after 60 s"):
        apply_topics("b:1", SPECS)
