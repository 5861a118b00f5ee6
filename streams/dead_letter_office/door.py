"""The producers' door's rules, for letters that come from there: a replay is no way around it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from events.errors import ContractError, RefusalReason
from events.producers.loader import load_producers
from events.producers.model import UNKNOWN_PRODUCER

if TYPE_CHECKING:
    from events.cloudevent import CloudEvent
    from events.producers.model import Producers
    from streams.clock import Clock
    from streams.dead_letter_office.way_back import Admission
    from streams.settings import Settings

__all__ = ["DoorRules", "door_rules"]

MOST_AHEAD: Final = timedelta(minutes=5)


class DoorRules:
    """Lets an event pass as the door would today: by its producer's declaration and the clock."""

    def __init__(self, producers: Producers, clock: Clock) -> None:
        self._producers = producers
        self._clock = clock

    def __call__(self, event: CloudEvent, producer: str | None) -> None:
        """Let an event of a producer pass, or raise ContractError."""
        refusal = self._producers.refusal(producer or UNKNOWN_PRODUCER, event.source, event.type)
        if refusal is not None:
            raise refusal
        if event.time > self._clock.now() + MOST_AHEAD:
            raise ContractError(
                RefusalReason.TIME_AHEAD,
                "time",
                event.time.isoformat(),
                "wait until then, or have the producer correct its clock",
            )


def door_rules(settings: Settings, clock: Clock) -> Admission:  # noqa: ARG001
    """Return the rules of the producers declared now. Raises InvalidDeclarationError."""
    return DoorRules(load_producers(), clock)
