"""The roles of the broker's users, and the access rights of each on topics and groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

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
    """What a right allows, spelled as in Kafka's tools and in Strimzi.

    Read and Write imply Describe, as on the broker.
    """

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


class FamiliesOfRoleError(SmartRegionError):
    """A producer has no families, or another role has some."""

    def __init__(self, role: Role, families: Collection[Family]) -> None:
        shown = ", ".join(sorted(families)) or "none"
        remedy = (
            f"name at least one of {', '.join(Family)}"
            if role is Role.PRODUCER
            else f"leave them out: only a {Role.PRODUCER} has families"
        )
        super().__init__(f"families: do not fit the role {role}, value {shown}: {remedy}")


class _Part(StrEnum):
    """Groups of resources; a role has the same rights on all resources of a group."""

    EVENTS = "events"
    EVENTS_WITHOUT_PERSONS = "events that are not about persons"
    DEAD_LETTERS = "dead letters"
    OUTCOMES = "outcomes of dead letters"
    GROUP = "the workers' group"


_READ: Final = Operation.READ
_WRITE: Final = Operation.WRITE
_DESCRIBE: Final = Operation.DESCRIBE
# Programs that compare the topics with their declaration at start read their settings.
_CHECK: Final = Operation.DESCRIBE_CONFIGS
_DEPLOY: Final = (Operation.CREATE, _DESCRIBE, _CHECK)

_MEANINGS: Final[Mapping[Role, str]] = {
    Role.PRODUCER: "publishes the events of some families straight to Kafka",
    Role.GATEWAY: "the gateway: publishes any event, and what it refused",
    Role.WORKER: "folds events into states, and dead-letters what it refuses",
    Role.PAGE: "shows the figures, and the events that they rest on",
    Role.READER: "audits, exports and reports: reads all events and dead letters",
    Role.CLERK: "lists dead letters, replays or discards them, and accepts losses",
    Role.DEPLOYER: "creates and checks the topics; reads no record",
    Role.OBSERVER: "reads the workers' lag, to scale them; reads no record",
}

# No role deletes, alters or grants: only the broker's super user does.
_RIGHTS: Final[Mapping[Role, Mapping[_Part, tuple[Operation, ...]]]] = {
    Role.PRODUCER: {_Part.EVENTS: (_WRITE,)},
    Role.GATEWAY: {_Part.EVENTS: (_WRITE,), _Part.DEAD_LETTERS: (_WRITE,)},
    Role.WORKER: {
        # Events on the wrong partition are forwarded to their entity's partition.
        _Part.EVENTS: (_READ, _WRITE, _CHECK),
        _Part.DEAD_LETTERS: (_WRITE, _CHECK),
        # Workers keep the ids of the topics that they read here.
        _Part.OUTCOMES: (_READ, _WRITE, _CHECK),
        _Part.GROUP: (_READ,),
    },
    # The page is public: it reads nothing about persons, and requests figures from workers.
    Role.PAGE: {_Part.EVENTS_WITHOUT_PERSONS: (_READ,), _Part.OUTCOMES: (_READ,)},
    Role.READER: {
        _Part.EVENTS: (_READ,),
        _Part.DEAD_LETTERS: (_READ,),
        _Part.OUTCOMES: (_READ,),
        _Part.GROUP: (_DESCRIBE,),
    },
    Role.CLERK: {
        # A record that its dead letter does not keep is read from its topic.
        _Part.EVENTS: (_READ, _WRITE),
        _Part.DEAD_LETTERS: (_READ,),
        _Part.OUTCOMES: (_READ, _WRITE),
        # The workers' offsets show which records a partition has lost.
        _Part.GROUP: (_DESCRIBE,),
    },
    Role.DEPLOYER: {
        _Part.EVENTS: _DEPLOY,
        _Part.DEAD_LETTERS: _DEPLOY,
        _Part.OUTCOMES: _DEPLOY,
    },
    Role.OBSERVER: {_Part.EVENTS: (_DESCRIBE,), _Part.GROUP: (_DESCRIBE,)},
}


def rights_of(
    role: Role, *, families: Collection[Family] = (), app_id: str = DEFAULT_APP_ID
) -> tuple[Right, ...]:
    """Return the rights of a role, in the order of the topics' declaration.

    `families` are those that a producer publishes; raises FamiliesOfRoleError if a producer has
    none or another role has some. `app_id` names the workers' group.
    """
    if bool(families) is not (role is Role.PRODUCER):
        raise FamiliesOfRoleError(role, families)
    return tuple(
        Right(ResourceKind.GROUP if part is _Part.GROUP else ResourceKind.TOPIC, name, operations)
        for part, operations in _RIGHTS[role].items()
        for name in _names(part, families or frozenset(Family), app_id)
    )


def rights_of_roles(
    roles: Collection[Role], *, families: Collection[Family] = (), app_id: str = DEFAULT_APP_ID
) -> tuple[Right, ...]:
    """Return the rights of a user with several roles, each topic once.

    `families` and errors are those of `rights_of`.
    """
    operations_of: dict[tuple[ResourceKind, str], dict[Operation, None]] = {}
    if families and roles and Role.PRODUCER not in roles:
        raise FamiliesOfRoleError(next(iter(roles)), families)
    for role in roles:
        its_families = families if role is Role.PRODUCER else ()
        for right in rights_of(role, families=its_families, app_id=app_id):
            operations = operations_of.setdefault((right.kind, right.name), {})
            operations.update(dict.fromkeys(right.operations))
    return tuple(
        Right(kind, name, tuple(operations)) for (kind, name), operations in operations_of.items()
    )


def describe_role(role: Role) -> str:
    """Return the purpose of a role in a few words."""
    return _MEANINGS[role]


def _names(part: _Part, families: Collection[Family], app_id: str) -> tuple[str, ...]:
    match part:
        case _Part.EVENTS:
            return tuple(topic_name(family) for family in Family if family in families)
        case _Part.EVENTS_WITHOUT_PERSONS:
            return tuple(topic_name(family) for family in Family if not family.about_persons)
        case _Part.DEAD_LETTERS:
            return (DEAD_LETTERS,)
        case _Part.OUTCOMES:
            return (DEAD_LETTER_OUTCOMES,)
        case _Part.GROUP:
            return (app_id,)
