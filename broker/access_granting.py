"""Grants the access rights of roles to users of the broker, and lists granted rights."""

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

from broker.access_rights import Operation, Right
from broker.clients import administering
from broker.errors import BrokerRefusedError
from broker.security import PLAINTEXT, BrokerSecurity

_ANY_HOST: Final = "*"


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
