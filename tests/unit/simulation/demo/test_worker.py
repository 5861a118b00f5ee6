"""What the demo's worker does for its embedded broker."""

from __future__ import annotations

from events.fact import Family
from simulation.demo.worker import EmbeddedTransport
from tests.support.async_tests import played
from tests.support.group_member import joined, producing, topic


@played
async def test_the_producer_is_not_idempotent() -> None:
    """The embedded broker has no idempotent producers; all replicas acknowledge still."""
    producer, _ = producing(EmbeddedTransport)
    chosen = producer._settings_extra()
    assert (chosen["acks"], chosen["enable_idempotence"]) == ("all", False)


@played
async def test_an_end_before_what_was_read_is_no_loss() -> None:
    """The embedded broker answers with the first offset of the last batch."""
    events = topic(Family.SCHOOLS)

    consumer, thread = joined(events, committed={events: 5}, transport=EmbeddedTransport)
    thread.log_ends[events] = 3

    await consumer.perform_seek()

    assert consumer.faults == []
