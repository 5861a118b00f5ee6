"""The roles of the broker's users, their rights on topics and groups, and how to grant these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import NoError
from pydantic import BaseModel, ConfigDict, TypeAdapter

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.errors import BrokerRefusedError
from broker.security import PLAINTEXT, BrokerSecurity
from events.document import data_beside
from events.fact import Family
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, DEFAULT_APP_ID, topic_name

_ANY_HOST: Final = "*"


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
    """A role of `access_rights.yaml`: its purpose, and its operations on each resource."""

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
    return TypeAdapter(dict[Role, DeclaredRole]).validate_python(data_beside(__file__))


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


@dataclass(frozen=True, slots=True)
class GrantsReport:
    """The grants that were created, those that already existed, and the user's other grants.

    A grant is one ACL of the broker, as text: `User:worker may READ topic smartregion.grants`.
    """

    given: tuple[str, ...]
    held: tuple[str, ...]
    others: tuple[str, ...]
    """Revoked with `revoke_others`, otherwise unchanged."""


def give_rights(
    bootstrap: str,
    principal: str,
    rights: Iterable[Right],
    *,
    revoke_others: bool = False,
    security: BrokerSecurity = PLAINTEXT,
) -> GrantsReport:
    """Create the ACLs that a principal (`User:worker`) lacks; a second call creates none.

    With `revoke_others`, all other ACLs of the principal are deleted after the new ones are
    created, so that its programs keep their access. Raises BrokerRefusedError if the broker has no
    authorizer or our user may not alter ACLs, and the errors of `administering`.
    """
    wanted = {
        _acl(principal, right, operation) for right in rights for operation in right.operations
    }
    with administering(bootstrap, what="rights", security=security) as admin:
        existing = _acls(admin, principal)
        if missing := list(wanted - existing):
            _raise_first(admin.create_acls(missing)["failed"], "give rights to", principal)
        others = existing - wanted
        if others and revoke_others:
            outcomes = admin.delete_acls([_filter_of(acl) for acl in others])
            _raise_first([error for *_, error in outcomes], "take rights from", principal)
    return GrantsReport(_grants(missing), _grants(wanted & existing), _grants(others))


def held_rights(
    bootstrap: str, *, principal: str | None = None, security: BrokerSecurity = PLAINTEXT
) -> tuple[str, ...]:
    """Return the broker's ACLs as text, of one principal or of all.

    Raises the errors of `give_rights`.
    """
    with administering(bootstrap, what="rights", security=security) as admin:
        return _grants(_acls(admin, principal))


def _acl(principal: str, right: Right, operation: Operation) -> ACL:
    return ACL(
        principal,
        _ANY_HOST,
        ACLOperation[operation.name],
        ACLPermissionType.ALLOW,
        ResourcePattern(ResourceType[right.kind.name], right.name),
    )


def _acls(admin: Any, principal: str | None) -> set[ACL]:  # noqa: ANN401 - untyped client
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    acls, _ = admin.describe_acls(
        ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY, everything)
    )
    return set(acls)


def _filter_of(acl: ACL) -> ACLFilter:
    pattern = acl.resource_pattern
    return ACLFilter(
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
        ResourcePatternFilter(pattern.resource_type, pattern.resource_name, pattern.pattern_type),
    )


def _raise_first(errors: Collection[type[Exception]], action: str, principal: str) -> None:
    for error in errors:
        if error is not NoError:
            raise BrokerRefusedError(action, principal, cause=error.__name__)


def _grants(acls: Iterable[ACL]) -> tuple[str, ...]:
    return tuple(sorted(map(_text, acls)))


def _text(acl: ACL) -> str:
    """Return an ACL as text, with any difference from those that `give_rights` creates."""
    notes = []
    if acl.permission_type is not ACLPermissionType.ALLOW:
        notes.append("denied")
    if acl.resource_pattern.pattern_type is not ACLResourcePatternType.LITERAL:
        notes.append("and all that begin so")
    if acl.host != _ANY_HOST:
        notes.append(f"from {acl.host} alone")
    kind = acl.resource_pattern.resource_type.name.lower()
    text = f"{acl.principal} may {acl.operation.name} {kind} {acl.resource_pattern.resource_name}"
    return f"{text} ({', '.join(notes)})" if notes else text
