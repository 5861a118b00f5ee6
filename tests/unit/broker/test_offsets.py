"""A consumer group: what it has not committed yet, and its members."""

from itertools import count

import pytest
from kafka import TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    GroupIdNotFoundError,
    KafkaError,
    NotCoordinatorError,
)
from kafka.structs import OffsetAndMetadata

from broker import offsets
from broker.errors import BrokerRefusedError
from broker.offsets import committed_offsets, group_members, uncommitted

GROUP = "monitor"
SCHOOLS = TopicPartition("smartregion.schools", 0)
GRANTS = TopicPartition("smartregion.grants", 3)
ENDS = {("smartregion.schools", 0): 10, ("smartregion.grants", 3): 1}


class Admin:
    def __init__(self, *, error: Exception | None = None, **offsets: int) -> None:
        self._error = error
        self._offsets = offsets

    def recover(self) -> None:
        self._error = None

    def list_group_offsets(self, group: str) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        if self._error is not None:
            raise self._error
        found = {
            SCHOOLS: self._offsets.get("schools", -1),
            GRANTS: self._offsets.get("grants", -1),
            TopicPartition("smartregion.grants", 4): -1,
        }
        return {group: {at: OffsetAndMetadata(offset, "", -1) for at, offset in found.items()}}

    def describe_groups(self, groups: list[str]) -> dict[str, dict[str, object]]:
        answer: dict[str, object] = {"error": str(self._error), "members": [], "group_state": ""}
        return dict.fromkeys(groups, answer)


def test_what_is_not_committed_is_counted_over_all_partitions() -> None:
    assert uncommitted(Admin(schools=10, grants=1), GROUP, ENDS) == 0
    assert uncommitted(Admin(schools=12, grants=1), GROUP, ENDS) == 0
    assert uncommitted(Admin(schools=7, grants=1), GROUP, ENDS) == 3
    assert uncommitted(Admin(schools=10), GROUP, ENDS) == 1
    assert uncommitted(Admin(), GROUP, ENDS) == 11
    assert uncommitted(Admin(), GROUP, {}) == 0


def test_deleted_records_are_not_waited_for() -> None:
    """A group that never read them commits no offset of a partition that is empty."""
    starts = {("smartregion.schools", 0): 10, ("smartregion.grants", 3): 0}
    assert uncommitted(Admin(grants=1), GROUP, ENDS, starts) == 0
    assert uncommitted(Admin(grants=1), GROUP, ENDS, {("smartregion.schools", 0): 6}) == 4


def test_nothing_counts_as_committed_while_there_is_no_coordinator() -> None:
    assert uncommitted(Admin(error=CoordinatorNotAvailableError()), GROUP, ENDS) == 11


@pytest.mark.parametrize("error", [CoordinatorNotAvailableError, NotCoordinatorError])
def test_a_coordinator_that_starts_or_moves_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, error: type[KafkaError]
) -> None:
    admin = Admin(error=error(), schools=10)
    seconds = count()
    monkeypatch.setattr(offsets, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(offsets, "sleep", lambda _: None)
    with pytest.raises(error):
        committed_offsets(admin, GROUP, wait_seconds=3)

    monkeypatch.setattr(offsets, "sleep", lambda _: admin.recover())
    assert committed_offsets(admin, GROUP, wait_seconds=3).keys() == {SCHOOLS}


def test_a_refusal_is_raised() -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        uncommitted(Admin(error=GroupAuthorizationFailedError()), GROUP, ENDS)


@pytest.mark.parametrize("error", [CoordinatorLoadInProgressError(), NotCoordinatorError()])
def test_a_coordinator_that_moves_is_no_refusal(error: KafkaError) -> None:
    with pytest.raises(CoordinatorNotAvailableError):
        group_members(Admin(error=error), GROUP)


def test_a_refusal_to_describe_the_members_is_one() -> None:
    with pytest.raises(BrokerRefusedError, match="check the rights"):
        group_members(Admin(error=GroupAuthorizationFailedError()), GROUP)


def test_an_unknown_group_has_no_members() -> None:
    assert group_members(Admin(error=GroupIdNotFoundError()), GROUP).members == 0
