"""The check of a changelog reader: what it asks, and what it makes of answers that pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeAlias

import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    GroupAuthorizationFailedError,
    KafkaError,
    OffsetNotAvailableError,
    UnknownTopicOrPartitionError,
)
from kafka.structs import OffsetAndMetadata, OffsetAndTimestamp

from broker import clients
from broker.errors import BrokerUnreachableError
from events.fact import Family
from events.topics import changelog_name, topic_name
from streams import changelog_check as subject
from streams.changelog_check import ChangelogCheck
from streams.changelog_tally import ChangelogTally
from streams.commit_metadata import ChangelogExtent, CommitMetadata, encode_commit_metadata
from streams.settings import Settings
from streams.state_check import ATTEMPTS
from streams.topic_faults import TopicFault

APP_ID = "monitor"
SETTINGS = Settings(broker="broker:9092", app_id=APP_ID, partitions=1)
EVENTS = TopicPartition(topic_name(Family.SCHOOLS), 0)
LOG = TopicPartition(changelog_name(APP_ID, Family.SCHOOLS), 0)
WRITTEN_TO = 40
METADATA = encode_commit_metadata(
    CommitMetadata(changelog=ChangelogExtent(start=0, end=WRITTEN_TO))
)
WHOLE = (0, WRITTEN_TO)
TOO_LOW = (0, WRITTEN_TO - 1)
EMPTIED = (WRITTEN_TO, WRITTEN_TO)

Offsets: TypeAlias = dict[TopicPartition, OffsetAndMetadata]
Ends: TypeAlias = tuple[int, int]

PROCESSED: Offsets = {EVENTS: OffsetAndMetadata(90, METADATA, -1)}
RESET: Offsets = {EVENTS: OffsetAndMetadata(0, "", -1)}


class Broker:
    """The admin client's answers, one after the other; the last one of each kind stays."""

    def __init__(
        self,
        *,
        committed: Sequence[Offsets | KafkaError] = (PROCESSED,),
        ends: Sequence[Ends | KafkaError] = (WHOLE,),
    ) -> None:
        self._committed = list(committed)
        self._ends = list(ends)

    def list_group_offsets(self, group: str) -> dict[str, Offsets]:
        """Return the group's offsets, or raise."""
        answer = self._committed.pop(0) if len(self._committed) > 1 else self._committed[0]
        if isinstance(answer, KafkaError):
            raise answer
        return {group: answer}

    def list_partition_offsets(
        self, wanted: dict[TopicPartition, OffsetSpec], **_: object
    ) -> dict[TopicPartition, OffsetAndTimestamp]:
        """Return first offsets, then ends with the next answer, or raise."""
        answer = self._ends[0]
        is_end = OffsetSpec.LATEST in wanted.values()
        if (is_end or isinstance(answer, KafkaError)) and len(self._ends) > 1:
            del self._ends[0]
        if isinstance(answer, KafkaError):
            raise answer
        return {
            tp: OffsetAndTimestamp(answer[is_end] if tp == LOG else 0, -1, None) for tp in wanted
        }

    def close(self) -> None:
        """Do nothing."""


class _Tally:
    """What was read of a log, which its last summary may contradict."""

    is_confirmed = True

    def __init__(self, *, is_lost: bool) -> None:
        self._is_lost = is_lost

    def loss(self) -> str | None:
        """Return a loss, if there is one."""
        return "holds 3 of the 4 entities that were written" if self._is_lost else None

    def has_other_at(self, offset: int) -> bool:
        """Return False: the summary is where it was."""
        return offset < 0


Checking: TypeAlias = Callable[[Broker], ChangelogCheck]


@pytest.fixture
def checking(monkeypatch: pytest.MonkeyPatch) -> Checking:
    """Return what makes a check of a broker; its pauses take no time, and its clock a second."""
    seconds = count()
    monkeypatch.setattr(subject, "sleep", lambda _: None)
    monkeypatch.setattr(subject, "monotonic", lambda: float(next(seconds)))

    def made(broker: Broker) -> ChangelogCheck:
        monkeypatch.setattr(clients, "opened", lambda *_, **__: broker)
        return ChangelogCheck(SETTINGS)

    return made


def losses(check: ChangelogCheck) -> list[TopicFault]:
    """Return what a check finds of logs without summaries."""
    return check.faults(lambda *_: ChangelogTally())


def test_a_group_whose_coordinator_moves_is_asked_again(checking: Checking) -> None:
    """What it says of the changelogs counts once it answers."""
    check = checking(
        Broker(committed=[CoordinatorLoadInProgressError(), PROCESSED], ends=[TOO_LOW])
    )

    assert [str(fault) for fault in losses(check)] == [
        f"{LOG.topic}[0] ends at offset 39, and was written up to offset 40"
    ]


def test_a_group_without_a_coordinator_is_no_group_without_offsets(checking: Checking) -> None:
    """Nothing may be compared without what the workers have said of the changelogs."""
    with pytest.raises(BrokerUnreachableError, match="Coordinator"):
        checking(Broker(committed=[CoordinatorLoadInProgressError()]))


def test_who_may_not_describe_the_group_is_told_what_is_not_compared(
    checking: Checking, caplog: pytest.LogCaptureFixture
) -> None:
    """Summaries in the changelogs are compared all the same."""
    check = checking(Broker(committed=[GroupAuthorizationFailedError()], ends=[TOO_LOW]))

    assert losses(check) == []
    assert "may not describe the group monitor" in caplog.text


@pytest.mark.parametrize("first", [TOO_LOW, OffsetNotAvailableError()])
def test_an_end_that_is_too_low_for_a_moment_is_no_loss(
    checking: Checking, first: Ends | KafkaError
) -> None:
    """A new leader may return one, or none yet: others have to be asked for."""
    assert losses(checking(Broker(ends=[first, WHOLE]))) == []


def test_ends_that_no_answer_gives_are_no_result(checking: Checking) -> None:
    """After as many questions as a worker asks."""
    with pytest.raises(BrokerUnreachableError, match="OffsetNotAvailable"):
        losses(checking(Broker(ends=[OffsetNotAvailableError()])))


@pytest.mark.parametrize(
    ("lost", "committed", "after", "is_rebuilt"),
    [
        (TOO_LOW, [PROCESSED], TOO_LOW, False),
        (TOO_LOW, [PROCESSED, RESET], TOO_LOW, True),
        (TOO_LOW, [PROCESSED, {}], TOO_LOW, True),
        (TOO_LOW, [PROCESSED], EMPTIED, True),
        (TOO_LOW, [PROCESSED], (0, 0), True),
        # Of a worker that has not seen the loss.
        (TOO_LOW, [PROCESSED], (0, WRITTEN_TO), False),
        ((0, 0), [PROCESSED], (0, 1), True),
        (TOO_LOW, [PROCESSED, CoordinatorLoadInProgressError()], TOO_LOW, False),
        (TOO_LOW, [PROCESSED], UnknownTopicOrPartitionError(), False),
    ],
)
def test_a_rebuild_is_seen_by_offsets_and_by_changelogs(
    checking: Checking,
    lost: Ends,
    committed: Sequence[Offsets | KafkaError],
    after: Ends | KafkaError,
    *,
    is_rebuilt: bool,
) -> None:
    """Offsets go back, or a changelog was emptied; no answer is no sign of either."""
    check = checking(Broker(committed=committed, ends=[lost] * ATTEMPTS + [after]))
    assert losses(check)

    assert check.is_rebuilt() is is_rebuilt


def test_a_rebuild_is_seen_without_the_right_to_describe_the_group(checking: Checking) -> None:
    """A loss that the summaries show ends with the records that it was found in."""
    broker = Broker(
        committed=[GroupAuthorizationFailedError()],
        ends=[TOO_LOW] * (ATTEMPTS - 1) + [EMPTIED],
    )
    check = checking(broker)
    assert check.faults(lambda family, _: _Tally(is_lost=family is Family.SCHOOLS))

    assert check.is_rebuilt()
