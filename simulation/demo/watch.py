"""The demo's wait: until a condition holds, its programs are checked and its figures shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Final

from catalogue.figure import Figure
from catalogue.model import Catalogue
from operations.audit.exposed import Exposed, WorkerUnreadableError, read_exposed
from simulation.demo.figures import assessed_on, complete_on, judged_on, shown_figures
from simulation.demo.opening import PageOpening
from simulation.demo.screen import Screen, ScreenFrame
from simulation.demo.system import DemoSystem

TICK_SECONDS: Final = 0.05
REFRESH_SECONDS: Final = 1.0
REFRESH_SHARE: Final = 0.2
"""The largest share of the time that is spent on refreshing instead of on the replay."""
SCRAPE_SECONDS: Final = 5.0


class Watch:
    """Shows the demo each second, or as often as the machine can, and checks its programs."""

    def __init__(
        self,
        system: DemoSystem,
        catalogue: Catalogue,
        screen: Screen,
        opening: PageOpening | None = None,
    ) -> None:
        self.workers: list[Exposed] = []
        """What the worker exposed at the last refresh; empty while it starts."""
        self.day: date | None = None
        """The day of which it then exposed every figure."""
        self.figures: tuple[Figure, ...] = ()
        """What the assessor exposed then; empty before it has judged."""
        self.assessed_on: date | None = None
        """The day that the assessor had then judged without lag."""
        self._system = system
        self._catalogue = catalogue
        self._screen = screen
        self._opening = opening
        self._next_refresh = time.monotonic()

    def until(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds. Raises as `DemoSystem.check` does."""
        while not condition():
            self._system.check()
            if time.monotonic() >= self._next_refresh:
                self.refresh()
            time.sleep(TICK_SECONDS)

    def refresh(self) -> None:
        """Read and show the worker's figures now, and open the page where that was asked for."""
        began = time.monotonic()
        address = self._system.worker.address
        worker, assessor = _read(address), _read(self._system.assessor.address)
        self.workers = [] if worker is None else [worker]
        self.day = complete_on(self.workers)
        judged, self.assessed_on, self.figures = None, None, ()
        if assessor is not None:
            judged, self.assessed_on = judged_on(assessor), assessed_on(assessor)
            self.figures = shown_figures(self._catalogue, assessor)
        frame = ScreenFrame(
            day=judged or self._system.clock.today(),
            sent=self._system.replay.sent,
            figures=self.figures,
            address=address,
        )
        self._screen.show(frame)
        if self._opening is not None:
            self._opening.try_at(self._system.page.address)
        took = time.monotonic() - began
        self._next_refresh = began + max(REFRESH_SECONDS, took / REFRESH_SHARE)


def _read(address: str | None) -> Exposed | None:
    """Read what serves there; None while nothing does."""
    if address is None:
        return None
    try:
        return read_exposed(f"http://{address}", wait_seconds=SCRAPE_SECONDS)
    except WorkerUnreadableError:
        return None
