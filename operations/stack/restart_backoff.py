"""How long to wait before a service is started again, and when not to start it any more."""

from __future__ import annotations

from typing import Final

__all__ = [
    "LONGEST_PAUSE",
    "MOST_QUICK_DEATHS",
    "QUICK_SECONDS",
    "SHORTEST_PAUSE",
    "RestartBackoff",
]

QUICK_SECONDS: Final = 30.0
"""A life that is shorter did no work worth the name: what ended it will end the next one too."""
MOST_QUICK_DEATHS: Final = 5
SHORTEST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0


class RestartBackoff:
    """The lives of one service, on a clock of seconds that only goes forward."""

    def __init__(self) -> None:
        self.quick_deaths = 0
        """How many there were in a row."""
        self._began = 0.0

    def begin(self, now: float) -> None:
        """A life begins."""
        self._began = now

    def end(self, now: float) -> float | None:
        """The life ends: return how long to wait before the next; None: give it up.

        After a long life the next one begins soon; each quick death in a row doubles the pause.
        """
        self.quick_deaths = self.quick_deaths + 1 if now - self._began < QUICK_SECONDS else 0
        if self.quick_deaths >= MOST_QUICK_DEATHS:
            return None
        return min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** max(0, self.quick_deaths - 1))
