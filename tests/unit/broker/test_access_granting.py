"""Giving rights, on a client that answers as kafka-python's does."""

from collections.abc import Sequence
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

from broker import clients
from broker.access_granting import give_rights, held_rights
from broker.access_rights import Operation, ResourceKind, Right
from broker.errors import BrokerRefusedError

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


@pytest.mark.usefixtures("rules")
def test_rights_are_given_once() -> None:
    words = [
        "User:worker may READ group monitor",
        "User:worker may READ topic smartregion.grants",
        "User:worker may WRITE topic smartregion.grants",
    ]
    assert give(BOTH, GROUP) == (words, [], [])
    assert give(BOTH, GROUP) == ([], words, [])


def test_what_a_user_has_beside_is_taken_back_where_that_is_asked(rules: Rules) -> None:
    give(BOTH)
    assert give(GROUP, revoke_others=True)[2] == [
        "User:worker may READ topic smartregion.grants",
        "User:worker may WRITE topic smartregion.grants",
    ]
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
