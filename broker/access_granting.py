"""Gives users of the broker the rights of their roles, and tells which they have."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
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

from broker.access_rights import Operation, ResourceKind, Right
from broker.administration import administering
from broker.clients import PLAINTEXT, BrokerSecurity
from broker.errors import BrokerRefusedError

__all__ = ["Grant", "GrantsReport", "give_rights", "held_rights"]

_ANY_HOST: Final = "*"
_KINDS: Final = {
    ResourceKind.TOPIC: ResourceType.TOPIC,
    ResourceKind.GROUP: ResourceType.GROUP,
}
_OPERATIONS: Final = {
    Operation.READ: ACLOperation.READ,
    Operation.WRITE: ACLOperation.WRITE,
    Operation.CREATE: ACLOperation.CREATE,
    Operation.DESCRIBE: ACLOperation.DESCRIBE,
    Operation.DESCRIBE_CONFIGS: ACLOperation.DESCRIBE_CONFIGS,
}


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One rule of the broker's, in its own words: `User:worker may READ topic smartregion.grants`.

    Rules that are not ours, for a prefix or from one host, are told with what makes them special.
    """

    principal: str
    kind: str
    name: str
    operation: str
    note: str = ""

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.principal} may {self.operation} {self.kind} {self.name}{note}"


@dataclass(frozen=True, slots=True)
class GrantsReport:
    """What was given, what was there already, and what a user has beside."""

    given: tuple[Grant, ...]
    held: tuple[Grant, ...]
    others: tuple[Grant, ...]
    """Left alone, or taken back where that was asked for."""


def give_rights(
    bootstrap: str,
    principal: str,
    rights: Iterable[Right],
    *,
    revoke_others: bool = False,
    security: BrokerSecurity = PLAINTEXT,
) -> GrantsReport:
    """Give a principal (`User:worker`) the rights that it has not; done twice, it gives nothing.

    With `revoke_others` it has these and no others afterwards; the new ones are given first, so
    that it can go on working. Raises BrokerRefusedError where the broker has no rights to give or
    we may not give them, and as `administering`.
    """
    wanted = {
        _rule(principal, right, operation) for right in rights for operation in right.operations
    }
    with administering(bootstrap, what="rights", security=security) as admin:
        there = _rules(admin, principal)
        if missing := list(wanted - there):
            _check(admin.create_acls(missing)["failed"], "give rights to", principal)
        others = there - wanted
        if others and revoke_others:
            outcomes = admin.delete_acls([_exactly(rule) for rule in others])
            _check([error for *_, error in outcomes], "take rights from", principal)
    return GrantsReport(_shown(missing), _shown(wanted & there), _shown(others))


def held_rights(
    bootstrap: str, *, principal: str | None = None, security: BrokerSecurity = PLAINTEXT
) -> tuple[Grant, ...]:
    """Return the broker's rules, of one principal or of all. Raises as `give_rights`."""
    with administering(bootstrap, what="rights", security=security) as admin:
        return _shown(_rules(admin, principal))


def _rule(principal: str, right: Right, operation: Operation) -> ACL:
    return ACL(
        principal,
        _ANY_HOST,
        _OPERATIONS[operation],
        ACLPermissionType.ALLOW,
        ResourcePattern(_KINDS[right.kind], right.name),
    )


def _rules(admin: Any, principal: str | None) -> set[ACL]:  # noqa: ANN401 - untyped client
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    rules, _ = admin.describe_acls(
        ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY, everything)
    )
    return set(rules)


def _exactly(rule: ACL) -> ACLFilter:
    pattern = rule.resource_pattern
    return ACLFilter(
        rule.principal,
        rule.host,
        rule.operation,
        rule.permission_type,
        ResourcePatternFilter(pattern.resource_type, pattern.resource_name, pattern.pattern_type),
    )


def _check(errors: Collection[type[Exception]], action: str, principal: str) -> None:
    for error in errors:
        if error is not NoError:
            raise BrokerRefusedError(action, principal, cause=error.__name__)


def _shown(rules: Iterable[ACL]) -> tuple[Grant, ...]:
    return tuple(
        sorted(
            Grant(
                rule.principal,
                rule.resource_pattern.resource_type.name.lower(),
                rule.resource_pattern.resource_name,
                rule.operation.name,
                _note(rule),
            )
            for rule in rules
        )
    )


def _note(rule: ACL) -> str:
    notes = []
    if rule.permission_type is not ACLPermissionType.ALLOW:
        notes.append("denied")
    if rule.resource_pattern.pattern_type is not ACLResourcePatternType.LITERAL:
        notes.append("and all that begin so")
    if rule.host != _ANY_HOST:
        notes.append(f"from {rule.host} alone")
    return ", ".join(notes)
