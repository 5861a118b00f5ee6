"""The declared topics and roles as Strimzi's resources."""

import pytest

from boundary.errors import SmartRegionError
from broker.access_rights import Role, rights_of
from broker.strimzi import ROLES, topic_resource, user_resource
from events.fact import Family
from events.topics import TopicSpec, declared_topics


@pytest.mark.parametrize("spec", declared_topics(replication=3), ids=lambda spec: spec.name)
def test_a_topic_is_as_it_is_declared(spec: TopicSpec) -> None:
    made = topic_resource(spec, cluster="kafka")["spec"]
    assert made == {
        "topicName": spec.name,
        "partitions": spec.partitions,
        "replicas": spec.replication,
        "config": spec.config,
    }


def test_a_topic_whose_name_kubernetes_does_not_take_keeps_it_on_the_broker() -> None:
    made = topic_resource(TopicSpec("My_App.events", "id", 1, 1), cluster="kafka")
    assert made["metadata"]["name"] == "my-app.events"
    assert made["spec"]["topicName"] == "My_App.events"


@pytest.mark.parametrize("role", ROLES)
def test_a_user_has_the_rights_of_its_role_and_no_others(role: Role) -> None:
    made = user_resource("someone", rights_of(role), purpose="to work", cluster="kafka")
    rules = made["spec"]["authorization"]["acls"]
    assert [(rule["resource"]["type"], rule["resource"]["name"]) for rule in rules] == [
        (right.kind, right.name) for right in rights_of(role)
    ]
    assert [rule["operations"] for rule in rules] == [
        list(right.operations) for right in rights_of(role)
    ]
    assert {rule["resource"]["patternType"] for rule in rules} == {"literal"}


@pytest.mark.parametrize("name", ["", "Worker", "a_b", "-a", "a.", "a" * 254, "a\n"])
def test_a_name_that_kubernetes_would_not_take_is_reported(name: str) -> None:
    rights = rights_of(Role.PRODUCER, families=[Family.SCHOOLS])
    with pytest.raises(SmartRegionError, match="write lower-case letters"):
        user_resource(name, rights, purpose="to publish", cluster="kafka")
