"""The declared roles, and granting their rights on a client that answers as kafka-python's does."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import ClusterAuthorizationFailedError, NoError, SecurityDisabledError

from boundary.errors import SmartRegionError
from broker import clients
from broker.access_rights import (
    Operation,
    ResourceKind,
    Right,
    Role,
    declared_roles,
    give_rights,
    held_rights,
    rights_of,
)
from broker.errors import BrokerRefusedError
from events.fact import Family
from events.topics import declared_topics, topic_name

WRITERS_OF_EVENTS = {Role.PRODUCER, Role.GATEWAY, Role.CLERK, Role.WORKER}


def rights(role: Role) -> tuple[Right, ...]:
    families = {Family.SCHOOLS} if role is Role.PRODUCER else set()
    return rights_of(role, families=families, app_id="monitor")


def names_with(operation: Operation, role: Role) -> set[str]:
    return {right.name for right in rights(role) if operation in right.operations}


def test_a_producer_writes_its_families_and_nothing_else() -> None:
    assert rights_of(Role.PRODUCER, families={Family.GRANTS, Family.SCHOOLS}) == (
        Right(ResourceKind.TOPIC, "smartregion.schools", (Operation.WRITE,)),
        Right(ResourceKind.TOPIC, "smartregion.grants", (Operation.WRITE,)),
    )


@pytest.mark.parametrize("role", Role)
def test_rights_are_on_what_is_declared(role: Role) -> None:
    declared = {spec.name for spec in declared_topics()} | {"monitor"}
    names = [right.name for right in rights(role)]
    assert set(names) <= declared
    assert len(names) == len(set(names))


@pytest.mark.parametrize("role", sorted(set(Role) - WRITERS_OF_EVENTS))
def test_only_those_who_bring_events_may_write_them(role: Role) -> None:
    """No reader can invent an event; a worker forwards one to its entity's partition."""
    written = names_with(Operation.WRITE, role)
    assert written.isdisjoint(map(topic_name, Family))
    assert not written or role not in {Role.READER, Role.OBSERVER, Role.DEPLOYER}


@pytest.mark.parametrize(
    ("roles", "families"),
    [
        ([Role.PRODUCER], set()),
        ([Role.WORKER], {Family.SCHOOLS}),
        ([Role.READER, Role.CLERK], {Family.SCHOOLS}),
    ],
)
def test_families_fit_the_roles(roles: list[Role], families: Collection[Family]) -> None:
    with pytest.raises(SmartRegionError, match=roles[0]):
        rights_of(*roles, families=families)


def test_a_user_may_have_several_roles() -> None:
    both = rights_of(Role.CLERK, Role.READER, Role.PRODUCER, families=[Family.SCHOOLS])
    by_name = {right.name: set(right.operations) for right in both}
    assert len(by_name) == len(both)
    assert by_name["smartregion.grants"] == {Operation.READ, Operation.WRITE}
    assert by_name["smartregion.dead-letters"] == {Operation.READ}


def test_the_page_has_no_right_on_what_is_about_persons() -> None:
    about_persons = {topic_name(family) for family in Family if family.about_persons}
    assert about_persons.isdisjoint(right.name for right in rights(Role.PAGE))


@pytest.mark.parametrize("role", Role)
def test_the_documentation_lists_what_is_declared(role: Role) -> None:
    page = Path(__file__).parents[3] / "docs" / "wire-security.md"
    declared = declared_roles()[role]
    events = ", ".join(declared.events)
    if declared.events_without_persons:
        events = f"{', '.join(declared.events_without_persons)}, not about persons"
    others = (declared.dead_letters, declared.outcomes, declared.group)
    cells = [events, *map(", ".join, others)]
    row = f"| `{role}` | {declared.purpose} | {' | '.join(cell or '–' for cell in cells)} |"
    assert row in page.read_text(encoding="utf-8").splitlines()


READ_GRANTS = Right(ResourceKind.TOPIC, "smartregion.grants", (Operation.READ,))
BOTH = Right(ResourceKind.TOPIC, "smartregion.grants", (Operation.READ, Operation.WRITE))
GROUP = Right(ResourceKind.GROUP, "monitor", (Operation.READ,))


class Rules:
    def __init__(self) -> None:
        self.rules: set[ACL] = set()
        self.calls: list[str] = []
        self.error: type[Exception] = NoError

    def describe_acls(self, wanted: ACLFilter) -> tuple[list[ACL], type[Exception]]:
        if self.error is SecurityDisabledError:
            raise SecurityDisabledError
        names = {wanted.principal or rule.principal for rule in self.rules}
        return [rule for rule in self.rules if rule.principal in names], NoError

    def create_acls(self, rules: Sequence[ACL]) -> dict[str, Any]:
        self.calls.append("create")
        if self.error is not NoError:
            return {"succeeded": [], "failed": [self.error for _ in rules]}
        self.rules |= set(rules)
        return {"succeeded": list(rules), "failed": []}

    def delete_acls(self, filters: Sequence[ACLFilter]) -> list[tuple[ACLFilter, Any, Any]]:
        self.calls.append("delete")
        self.rules = {rule for rule in self.rules if not any(map(rule.__eq__, filters))}
        return [(one, [], self.error) for one in filters]

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Rules:
    rules = Rules()
    monkeypatch.setattr(clients, "opened", lambda *_, **__: rules)
    return rules


def give(*rights: Right, **options: Any) -> tuple[list[str], list[str], list[str]]:
    report = give_rights("broker:9092", "User:worker", rights, **options)
    return [*report.given], [*report.held], [*report.others]


def test_what_a_user_has_beside_is_taken_back_where_that_is_asked(rules: Rules) -> None:
    given, *_ = give(BOTH)
    assert given == [
        "User:worker may READ topic smartregion.grants",
        "User:worker may WRITE topic smartregion.grants",
    ]
    assert give(GROUP, revoke_others=True)[2] == given
    assert give(GROUP) == ([], ["User:worker may READ group monitor"], [])
    assert rules.calls == ["create", "create", "delete"]


def test_the_rights_of_other_users_are_left(rules: Rules) -> None:
    give_rights("broker:9092", "User:reader", [READ_GRANTS])
    assert give(GROUP, revoke_others=True)[2] == []
    assert {rule.principal for rule in rules.rules} == {"User:reader", "User:worker"}


def test_rules_that_are_not_ours_are_distinguished(rules: Rules) -> None:
    rules.rules.add(
        ACL(
            "User:worker",
            "10.0.0.1",
            ACLOperation.READ,
            ACLPermissionType.DENY,
            ResourcePattern(ResourceType.TOPIC, "smart", ACLResourcePatternType.PREFIXED),
        )
    )
    assert held_rights("broker:9092", principal="User:worker") == (
        "User:worker may READ topic smart (denied, and all that begin so, from 10.0.0.1 alone)",
    )


@pytest.mark.parametrize("error", [ClusterAuthorizationFailedError, SecurityDisabledError])
def test_a_refusal_is_reported(rules: Rules, error: type[Exception]) -> None:
    rules.error = error
    with pytest.raises(BrokerRefusedError, match=error.__name__):
        give(BOTH)
