"""Corrects the sequence numbers of an idempotent producer after the broker refused a batch.

The broker expects consecutive sequence numbers from a producer, and does not count a batch that it
refuses for its content. aiokafka does: every later batch to the partition would be refused as out
of order, and one record over a topic's limit would end every worker.

tests/integration/test_poison_limits.py fails when an upgrade changes an aiokafka name used here.
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

#: The broker's errors for the content of a batch.
REFUSALS: Final = (
    CorruptRecordException,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)


def reuse_refused_sequences() -> None:
    """Make aiokafka's producers in this process reuse the sequence numbers of refused batches."""
    sender.SendProduceReqHandler = _ProduceHandler


class _ProduceHandler(sender.SendProduceReqHandler):  # type: ignore[misc] # aiokafka has no types
    """A produce request; no other batch to its partitions is in flight or has a number."""

    def handle_response(self, response: Any) -> None:  # noqa: ANN401
        """Resolve the batches, and take back the sequence numbers of refused ones."""
        super().handle_response(response)
        manager = self._sender._txn_manager  # noqa: SLF001 - no public way
        if manager is None:
            return
        for tp, batch in self._batches.items():
            if batch.future.done() and isinstance(batch.future.exception(), REFUSALS):
                manager.increment_sequence_number(tp, -batch.record_count)
