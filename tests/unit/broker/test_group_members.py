"""The members of a group, as the admin client tells them."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    GroupIdNotFoundError,
    KafkaError,
    NotCoordinatorError,
)

from broker.errors import BrokerRefusedError
from broker.offsets import group_members

GROUP = "monitor"


class Admin:
    def __init__(self, error: KafkaError) -> None:
        self._error = str(error)

    def describe_groups(self, groups: list[str]) -> dict[str, Any]:
        answer = {"error": self._error, "members": [], "group_state": ""}
        return dict.fromkeys(groups, answer)


@pytest.mark.parametrize("error", [CoordinatorLoadInProgressError(), NotCoordinatorError()])
def test_a_coordinator_that_moves_is_no_refusal(error: KafkaError) -> None:
    with pytest.raises(CoordinatorNotAvailableError):
        group_members(Admin(error), GROUP)


def test_a_refusal_is_one() -> None:
    with pytest.raises(BrokerRefusedError, match="check the rights"):
        group_members(Admin(GroupAuthorizationFailedError()), GROUP)


def test_a_group_that_never_was_has_no_members() -> None:
    assert group_members(Admin(GroupIdNotFoundError()), GROUP).members == 0
