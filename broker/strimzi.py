"""The declared topics and roles as Strimzi's resources: KafkaTopic and KafkaUser."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from boundary.errors import SmartRegionError
from broker.access_rights import Right, Role, declared_roles, rights_of
from events.fact import Family
from events.topics import DEFAULT_APP_ID, DEFAULT_PARTITIONS, TopicSpec, declared_topics

Resource: TypeAlias = Mapping[str, Any]

GENERATED: Final = (
    "Generated from the declared topics and roles by `smart-region kubernetes kafka`. Do not edit."
)
#: One broker may be lost while another restarts.
REPLICATION: Final = 3
API_VERSION: Final = "kafka.strimzi.io/v1"
#: The label that assigns a resource to a Kafka cluster of Strimzi.
CLUSTER_LABEL: Final = "strimzi.io/cluster"
USER_PREFIX: Final = "smart-region-"

#: The roles with one user each. Strimzi's operator creates the topics, and each producer has its
#: own user.
ROLES: Final = tuple(role for role in Role if role not in {Role.DEPLOYER, Role.PRODUCER})

_LONGEST_NAME: Final = 253
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def topic_resource(spec: TopicSpec, *, cluster: str) -> Resource:
    """Return the KafkaTopic of a declared topic, in the Kafka cluster named `cluster`."""
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaTopic",
        "metadata": {
            # Unlike a resource's name, a topic's may have capitals and underscores.
            "name": spec.name.lower().replace("_", "-"),
            "labels": {CLUSTER_LABEL: cluster},
        },
        "spec": {
            "topicName": spec.name,
            "partitions": spec.partitions,
            "replicas": spec.replication,
            "config": dict(sorted(spec.config.items())),
        },
    }


def user_resource(name: str, rights: Iterable[Right], *, purpose: str, cluster: str) -> Resource:
    """Return the KafkaUser with these rights and no others; Strimzi generates its password.

    Raises SmartRegionError.
    """
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise SmartRegionError(
            f"user: is not a name for Kubernetes, value {name[:80]!r}: write lower-case letters,"
            f" digits, '-' and '.', a letter or digit at both ends, at most {_LONGEST_NAME}"
        )
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaUser",
        "metadata": {
            "name": name,
            "labels": {CLUSTER_LABEL: cluster},
            "annotations": {"kubernetes.io/description": purpose},
        },
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [
                    {
                        "resource": {
                            "type": right.kind.value,
                            "name": right.name,
                            "patternType": "literal",
                        },
                        "operations": [operation.value for operation in right.operations],
                    }
                    for right in rights
                ],
            },
        },
    }


@dataclass(frozen=True, slots=True)
class StrimziSettings:
    """The settings of an installation."""

    cluster: str = "kafka"
    """The name of Strimzi's Kafka."""
    partitions: int = DEFAULT_PARTITIONS
    replication: int = REPLICATION
    app_id: str = DEFAULT_APP_ID
    producers: Mapping[str, Collection[Family]] = field(default_factory=dict)
    """The users that publish straight to Kafka, each with its families."""


def render(site: StrimziSettings) -> Mapping[str, str]:
    """Return the text of each file by its name. Raises SmartRegionError."""
    topics = (
        topic_resource(spec, cluster=site.cluster)
        for spec in declared_topics(partitions=site.partitions, replication=site.replication)
    )
    return {"topics.yaml": _text(topics), "users.yaml": _text(_users(site))}


def _users(site: StrimziSettings) -> Iterator[Resource]:
    for role in ROLES:
        yield user_resource(
            f"{USER_PREFIX}{role}",
            rights_of(role, app_id=site.app_id),
            purpose=declared_roles()[role].purpose,
            cluster=site.cluster,
        )
    for name, families in sorted(site.producers.items()):
        yield user_resource(
            name,
            rights_of(Role.PRODUCER, families=families),
            purpose=declared_roles()[Role.PRODUCER].purpose,
            cluster=site.cluster,
        )


def _text(resources: Iterable[Resource]) -> str:
    documents = (
        yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=100)
        for resource in resources
    )
    return f"# {GENERATED}\n---\n" + "---\n".join(documents)
