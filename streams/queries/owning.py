"""What a member of the consumer group shows at the moment, as /metrics has it."""

from __future__ import annotations

from streams.membership import Membership
from streams.queries.telling import OwnedPartitions

__all__ = ["ownership_of"]


def ownership_of(membership: Membership) -> OwnedPartitions:
    """Return the partitions that a member shows, and the generation in which it owns them."""
    waiting_for, shown = membership.waiting_for(), membership.shown()
    # Read last: it is that of what is shown.
    return OwnedPartitions(
        waiting_for,
        membership.generation,
        shown,
        membership.overdue(),
        membership.engine.clock.now(),
    )
