"""Where a letter would go now: its event's topic and home partition, or the reason why nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from events.cloudevent import decode
from events.dead_letters import GATEWAY, REPLAY_ATTEMPT, REPLAY_OF
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules
from events.records import OutgoingRecord
from events.topics import topic_name
from streams.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from events.dead_letters import DeadLetter

__all__ = ["FullRecordReader", "GatewayJudgement", "ReplayDestinations"]


class FullRecordReader(Protocol):
    """Has the whole record of a letter that does not keep it."""

    def __call__(self, letter: DeadLetter) -> DeadLetter:
        """Return the letter with all of its record, or raise ContractError."""


class GatewayJudgement(Protocol):
    """The gateway's judgement of a letter that it had refused."""

    def __call__(self, letter: DeadLetter) -> None:
        """Let a letter pass, or raise ContractError."""


@dataclass(frozen=True, slots=True)
class ReplayDestinations:
    """Readdresses letters for event topics of `partitions` partitions.

    A replay is no way around the gateway: what was refused there must pass `admission` as well.
    What a letter does not keep, `whole` has to find.
    """

    partitions: int
    admission: GatewayJudgement
    whole: FullRecordReader
    rules: RecordRules = RULES
    now: Callable[[], datetime] = SystemClock().now
    """About the time at which the broker writes a copy."""

    def copy_of(self, letter: DeadLetter, *, attempt: int) -> OutgoingRecord:
        """Return the record to send: the refused one, byte for byte, and the mark of a replay.

        Raises ContractError where it would be refused as it was.
        """
        if letter.shortened:
            letter = self.whole(letter)
        headers = (
            *letter.headers,
            (REPLAY_OF, str(letter.place).encode()),
            (REPLAY_ATTEMPT, str(attempt).encode()),
        )
        if letter.origin == GATEWAY:
            self.admission(letter)
        # With the mark, as a worker will: an event of the largest size has no room for it.
        event = decode(headers, letter.value)
        self.rules.judge(event, int(self.now().timestamp() * 1000))
        entity = event.fact.entity_id.encode()
        return OutgoingRecord(
            topic_name(event.fact.FAMILY),
            partition_for(entity, self.partitions),
            entity if letter.key is None else letter.key,
            letter.value,
            headers,
        )
