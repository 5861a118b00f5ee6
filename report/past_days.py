"""The knowledge of past days: made when it is asked for, and kept while no other event is known.

What is said of persons is in no ledger, so that nothing tells of a late event or an erasure: for
their sake a day is made again after a while.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from threading import Lock
from time import monotonic
from typing import Final

from events.record_rules import known_before
from report.knowledge import Knowledge
from report.ledger import EventLedger

MOST_PAST_DAYS: Final = 8
"""The number of past days whose knowledge is kept: those last asked for."""

MOST_SECONDS: Final = 300.0
"""How long a day's knowledge is kept."""

_KNOWN: Final = "SELECT count(*) FROM event WHERE known < $before"


class PastDays:
    """What was known on past days; methods may be called from several threads."""

    def __init__(
        self,
        ledger: EventLedger,
        make: Callable[[date], Knowledge],
        *,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._ledger = ledger
        self._make = make
        self._timer = timer
        #: By day, with the number of events that they were made from, and when that began.
        self._days: OrderedDict[date, tuple[int, float, Knowledge]] = OrderedDict()
        self._lock = Lock()
        self._making = Lock()

    def kept(self, day: date) -> Knowledge | None:
        """Return a day's knowledge if it is kept; of a day that is being made this is None."""
        return self._kept(day, self._events(day))

    def get(self, day: date) -> Knowledge:
        """Return a day's knowledge, and make it first if it is not kept.

        One is made at a time: each may take seconds and much memory.
        """
        with self._making:
            events = self._events(day)
            kept = self._kept(day, events)
            if kept is not None:
                return kept
            began = self._timer()
            made = self._make(day)
            with self._lock:
                self._days[day] = events, began, made
                if len(self._days) > MOST_PAST_DAYS:
                    self._days.popitem(last=False)
            return made

    def _events(self, day: date) -> int:
        ((events,),) = self._ledger.query(_KNOWN, {"before": known_before(day)})
        return int(events)

    def _kept(self, day: date, events: int) -> Knowledge | None:
        with self._lock:
            found = self._days.get(day)
            if found is None:
                return None
            of_events, began, knowledge = found
            if of_events != events or self._timer() - began > MOST_SECONDS:
                return None
            self._days.move_to_end(day)
            return knowledge
