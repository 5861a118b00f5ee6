"""The check of restored states: whether the changelogs hold what the offsets say was done.

It is made after each recovery, before a record is read: a worker that went on over lost states
would show figures that are too small, and commit offsets past which nobody reads again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from faust.types import TP

from events.registry import Family
from events.topics import changelog_name, topic_name
from streams.accepted_events import has_accepted_events
from streams.topic_faults import FaultKind, TopicFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.batch_transport import BatchConsumer, Committed
    from streams.changelog_tally import ChangelogTallies, ChangelogTally
    from streams.settings import Settings

__all__ = ["Extents", "StateCheck", "fault_of", "is_undecided", "loss_of_states"]

logger = logging.getLogger(__name__)

#: A broker that was just elected may tell an end that is too low, for a moment.
ASKED_TIMES: Final = 4
ASKED_EVERY_SECONDS: Final = 1.0


class Extents(NamedTuple):
    """Where a partition of events and its changelog begin and end on the broker."""

    events_start: int
    events_end: int
    changelog_start: int
    changelog_end: int


def fault_of(
    family: Family,
    partition: int,
    *,
    app_id: str,
    committed: Committed | None,
    extents: Extents,
    tally: ChangelogTally,
) -> TopicFault | None:
    """Say what was lost of a partition's events or states; None where nothing is known to be.

    Where nothing is committed all events are read again, so that no state can be missing.
    """
    events, changelog = topic_name(family), changelog_name(app_id, family)
    seen = max(committed.offset if committed else 0, tally.events_end)
    if seen > extents.events_end:
        problem = (
            f"ends at offset {extents.events_end}, and was read up to {seen}: it was made anew, or "
            "lost its last events"
        )
        return TopicFault(events, partition, FaultKind.EVENTS_LOST, problem)
    loss = loss_of_states(committed, extents.changelog_start, extents.changelog_end, tally)
    if loss is None:
        return None
    return TopicFault(changelog, partition, FaultKind.CHANGELOG_LOST, loss)


def is_undecided(committed: Committed | None, extents: Extents) -> bool:
    """Tell whether only the events can say if a state is missing.

    A worker of 0.1 noted nothing beside its offset: an empty changelog is right where all that it
    read was refused.
    """
    return (
        committed is not None
        and committed.offset > 0
        and committed.metadata.changelog is None
        and extents.changelog_start == extents.changelog_end
    )


def loss_of_states(
    committed: Committed | None, start: int, end: int, tally: ChangelogTally
) -> str | None:
    """Say what a changelog that begins and ends there has lost; None where nothing is known of it.

    Where nothing is committed all events are read again, so that no state can be missing.
    """
    if committed is None or committed.offset == 0:
        return None
    noted = committed.metadata.changelog
    if noted is not None and end < noted.end:
        what = "is empty" if start == end else f"ends at offset {end}"
        return f"{what}, and was written up to offset {noted.end}"
    if start == end:
        # What nobody noted is for the events to say.
        lost = noted is not None and noted.end > noted.start
        return "is empty, and states were written to it" if lost else None
    loss = tally.loss()
    if loss is not None:
        return loss
    known_start = 0 if noted is None else noted.start
    if start > known_start and not tally.is_confirmed:
        return f"begins at offset {start}, and did at {known_start}: its first records were deleted"
    return None


class StateCheck:
    """Compares restored states with what was committed."""

    def __init__(self, settings: Settings, tallies: ChangelogTallies) -> None:
        self._settings = settings
        self._tallies = tallies

    async def faults(self, consumer: BatchConsumer) -> list[TopicFault]:
        """Check what a consumer was assigned, and note how far the changelogs are written.

        Raises as the clients do where the broker does not answer.
        """
        assigned = {
            (family, tp.partition)
            for family in Family
            for tp in consumer.assignment()
            if tp.topic == topic_name(family)
        }
        events = {place: TP(topic_name(place[0]), place[1]) for place in assigned}
        committed = await consumer.committed(events.values())
        found: list[TopicFault] = []
        for asked in range(ASKED_TIMES):
            if asked:
                await asyncio.sleep(ASKED_EVERY_SECONDS)
            extents = await self._extents(consumer, assigned)
            found = [
                fault
                for place in sorted(assigned)
                if (fault := self._fault(place, committed.get(events[place]), extents[place]))
            ]
            if not found:
                break
        for place in sorted(assigned):
            fault = await self._told_by_events(place, committed.get(events[place]), extents[place])
            if fault is not None:
                found.append(fault)
        if not found:
            for place in assigned:
                tally = self._tallies.of(*place)
                tally.restored(extents[place].changelog_start, extents[place].changelog_end)
                noted = consumer.noted(events[place])
                consumer.note(events[place], noted.model_copy(update={"changelog": tally.extent}))
        return found

    def _fault(
        self, place: tuple[Family, int], committed: Committed | None, extents: Extents
    ) -> TopicFault | None:
        return fault_of(
            *place,
            app_id=self._settings.app_id,
            committed=committed,
            extents=extents,
            tally=self._tallies.of(*place),
        )

    async def _extents(
        self, consumer: BatchConsumer, places: Iterable[tuple[Family, int]]
    ) -> Mapping[tuple[Family, int], Extents]:
        of = {
            place: (
                TP(topic_name(place[0]), place[1]),
                TP(changelog_name(self._settings.app_id, place[0]), place[1]),
            )
            for place in places
        }
        wanted = [tp for pair in of.values() for tp in pair]
        if not wanted:
            return {}
        starts = await consumer.earliest_offsets(*wanted)
        ends = await consumer.highwaters(*wanted)
        return {
            place: Extents(starts[events], ends[events], starts[log], ends[log])
            for place, (events, log) in of.items()
        }

    async def _told_by_events(
        self, place: tuple[Family, int], committed: Committed | None, extents: Extents
    ) -> TopicFault | None:
        if committed is None or not is_undecided(committed, extents):
            return None
        family, partition = place
        accepted = await asyncio.to_thread(
            has_accepted_events, self._settings, family, partition, before=committed.offset
        )
        if not accepted:
            return None
        return TopicFault(
            changelog_name(self._settings.app_id, family),
            partition,
            FaultKind.CHANGELOG_LOST,
            f"is empty, and events before offset {committed.offset} were accepted",
        )
