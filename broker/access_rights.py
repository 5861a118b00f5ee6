"""The roles of the broker's users, and the access rights of each on topics and groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from boundary.errors import SmartRegionError
from events.fact import Family
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, DEFAULT_APP_ID, topic_name


class Role(StrEnum):
    """The purpose of a user of the broker. A user may have several roles."""

    PRODUCER = "producer"
    GATEWAY = "gateway"
    WORKER = "worker"
    PAGE = "page"
    READER = "reader"
    CLERK = "clerk"
    DEPLOYER = "deployer"
    OBSERVER = "observer"


class ResourceKind(StrEnum):
    """The kind of resource that a right applies to."""

    TOPIC = "topic"
    GROUP = "group"


class Operation(StrEnum):
    """What a right allows; Read and Write imply Describe, as on the broker."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"


@dataclass(frozen=True, slots=True)
class Right:
    """The operations that a role may perform on one topic or consumer group, from any host.

    Names are literal, never prefixes: other topics stay inaccessible.
    """

    kind: ResourceKind
    name: str
    operations: tuple[Operation, ...]


class DeclaredRole(BaseModel):
    """A role as declared in `roles.yaml`: its purpose, and its operations on each resource."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: str
    events: tuple[Operation, ...] = ()
    events_without_persons: tuple[Operation, ...] = ()
    dead_letters: tuple[Operation, ...] = ()
    outcomes: tuple[Operation, ...] = ()
    group: tuple[Operation, ...] = ()


@cache
def declared_roles() -> Mapping[Role, DeclaredRole]:
    """Return the declaration of every role."""
    text = (Path(__file__).parent / "roles.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[Role, DeclaredRole]).validate_python(yaml.safe_load(text))


def rights_of(
    *roles: Role, families: Collection[Family] = (), app_id: str = DEFAULT_APP_ID
) -> tuple[Right, ...]:
    """Return the rights of a user with these roles, each topic once, in the declared order.

    `families` are those that a producer publishes; raises SmartRegionError if a producer has none
    or another role has some. `app_id` names the workers' group.
    """
    if roles and bool(families) is not (Role.PRODUCER in roles):
        remedy = (
            f"leave them out: only a {Role.PRODUCER} has families"
            if families
            else f"name at least one of {', '.join(Family)}"
        )
        raise SmartRegionError(
            f"families: do not fit the role {', '.join(roles)}, value"
            f" {', '.join(sorted(families)) or 'none'}: {remedy}"
        )
    found: dict[tuple[ResourceKind, str], dict[Operation, None]] = {}
    for role in roles:
        declared = declared_roles()[role]
        published = families if role is Role.PRODUCER else frozenset(Family)
        for operations, kind, names in (
            (declared.events, ResourceKind.TOPIC, _topics(published)),
            (
                declared.events_without_persons,
                ResourceKind.TOPIC,
                _topics([family for family in Family if not family.about_persons]),
            ),
            (declared.dead_letters, ResourceKind.TOPIC, [DEAD_LETTERS]),
            (declared.outcomes, ResourceKind.TOPIC, [DEAD_LETTER_OUTCOMES]),
            (declared.group, ResourceKind.GROUP, [app_id]),
        ):
            for name in names if operations else ():
                found.setdefault((kind, name), {}).update(dict.fromkeys(operations))
    return tuple(Right(kind, name, tuple(allowed)) for (kind, name), allowed in found.items())


def _topics(families: Collection[Family]) -> list[str]:
    return [topic_name(family) for family in Family if family in families]
