"""The replay: each simulated record is published when the clock comes to its instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from simulation.emitter import SimulatedRecord
from streams.clock import Clock

__all__ = ["SimulationReplay"]

MOST_AT_ONCE: Final = 2_000
"""A long past, all due at the start, must not keep the screen waiting."""


class SimulationReplay:
    """Passes records to `publish`, none before its time; they are in the order of sending."""

    def __init__(
        self,
        records: Sequence[SimulatedRecord],
        publish: Callable[[SimulatedRecord], None],
        clock: Clock,
    ) -> None:
        self.sent = 0
        self._records = records
        self._publish = publish
        self._clock = clock

    def send_due(self) -> bool:
        """Publish what is due, some thousands at most; return True once all is published."""
        now = self._clock.now()
        for record in self._records[self.sent : self.sent + MOST_AT_ONCE]:
            if record.sent > now:
                break
            self._publish(record)
            self.sent += 1
        return self.sent == len(self._records)
