"""The files of deploy/kubernetes/kafka, generated from the declared topics and roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml

from broker.access_rights import Role, describe_role, rights_of
from broker.strimzi.resources import ROLES, Resource, role_user, topic_resource, user_resource
from events.fact import Family
from events.topics import DEFAULT_APP_ID, DEFAULT_PARTITIONS, declared_topics

__all__ = ["StrimziSettings", "render"]

GENERATED: Final = (
    "Generated from the declared topics and roles by `smart-region kubernetes kafka`. Do not edit."
)
#: One broker may be lost while another restarts.
REPLICATION: Final = 3


@dataclass(frozen=True, slots=True)
class StrimziSettings:
    """The choices of an installation."""

    cluster: str = "kafka"
    """The name of Strimzi's Kafka."""
    partitions: int = DEFAULT_PARTITIONS
    replication: int = REPLICATION
    app_id: str = DEFAULT_APP_ID
    producers: Mapping[str, Collection[Family]] = field(default_factory=dict)
    """The users that publish straight to Kafka, each with its families."""


def render(site: StrimziSettings) -> Mapping[str, str]:
    """Return the text of each file by its name. Raises UserNameError."""
    topics = (
        topic_resource(spec, cluster=site.cluster)
        for spec in declared_topics(
            partitions=site.partitions, replication=site.replication, app_id=site.app_id
        )
    )
    return {"topics.yaml": _text(topics), "users.yaml": _text(_users(site))}


def _users(site: StrimziSettings) -> Iterator[Resource]:
    for role in ROLES:
        yield user_resource(
            role_user(role),
            rights_of(role, app_id=site.app_id),
            purpose=describe_role(role),
            cluster=site.cluster,
        )
    for name, families in sorted(site.producers.items()):
        yield user_resource(
            name,
            rights_of(Role.PRODUCER, families=families),
            purpose=describe_role(Role.PRODUCER),
            cluster=site.cluster,
        )


def _text(resources: Iterable[Resource]) -> str:
    documents = (
        yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=100)
        for resource in resources
    )
    return f"# {GENERATED}\n---\n" + "---\n".join(documents)
