"""The record of a replay: for its event's topic and partition, or the reason for none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from events.cloudevent import decode
from events.dead_letters import GATEWAY, REPLAY_ATTEMPT, REPLAY_OF, DeadLetter
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules
from events.records import OutgoingRecord
from events.topics import topic_name
from streams.clock import SystemClock


@dataclass(frozen=True, slots=True)
class ReplayDestinations:
    """Addresses replayed records to event topics of `partitions` partitions.

    A replay does not bypass the gateway: what it had refused must pass `admission` as well.
    """

    partitions: int
    admission: Callable[[DeadLetter], None]
    """Raises ContractError where the gateway would refuse a letter's event today."""
    rules: RecordRules = RULES
    now: Callable[[], datetime] = SystemClock().now
    """Approximates the broker's timestamp of the replayed record."""

    def copy_of(self, letter: DeadLetter, *, attempt: int) -> OutgoingRecord:
        """Return the record to send: the letter's, byte for byte, and the headers of a replay.

        Raises ContractError where a worker or the gateway would refuse it.
        """
        headers = (
            *letter.headers,
            (REPLAY_OF, str(letter.position).encode()),
            (REPLAY_ATTEMPT, str(attempt).encode()),
        )
        if letter.origin == GATEWAY:
            self.admission(letter)
        # With the added headers, as a worker reads it: the largest event has no room for them.
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
