"""Write sequences: what an idempotent producer counts, where the broker refuses a batch.

The broker takes the batches of a producer by their sequence numbers, and counts none that it
refuses for what it holds. aiokafka does: all that it writes to the same partition afterwards would
be refused as out of order, and a record that one limit of a topic refuses would end every worker.

tests/integration/test_poison_limits.py fails when an upgrade moves what is used of aiokafka.
"""

from __future__ import annotations

from typing import Any, Final

from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from aiokafka.producer import sender

__all__ = ["REFUSALS", "give_refused_sequences_back"]

#: What the broker says of a batch for what it holds.
REFUSALS: Final = (
    CorruptRecordException,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)


def give_refused_sequences_back() -> None:
    """Let aiokafka's producers of this process use the numbers of a refused batch again."""
    sender.SendProduceReqHandler = _ProduceHandler


class _ProduceHandler(sender.SendProduceReqHandler):  # type: ignore[misc] # aiokafka has no types
    """One produce request, no other batch of whose partitions is on its way or has a number."""

    def handle_response(self, response: Any) -> None:  # noqa: ANN401
        """Settle the batches, and give back the numbers of those that were refused."""
        super().handle_response(response)
        manager = self._sender._txn_manager  # noqa: SLF001 - its own, in the client's module
        if manager is None:
            return
        for tp, batch in self._batches.items():
            if batch.future.done() and isinstance(batch.future.exception(), REFUSALS):
                manager.increment_sequence_number(tp, -batch.record_count)
