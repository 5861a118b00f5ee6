"""How the demo is checked and shown while a condition is awaited."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import cast

import pytest

from catalogue.loader import load_catalogue
from operations.audit.exposed import Exposed, WorkerUnreadableError
from operations.programs.program import ProgramEndedError
from simulation.demo import watch
from simulation.demo.screen import ScreenFrame
from simulation.demo.system import DemoSystem
from simulation.demo.watch import Watch

TODAY = date(2016, 5, 4)


@dataclass
class Watched:
    """The calls that the watch makes of a system, its clock, its replay and its worker."""

    address: str | None = None
    sent: int = 12
    ended: bool = False

    @property
    def clock(self) -> "Watched":
        """Itself, as a clock."""
        return self

    @property
    def replay(self) -> "Watched":
        """Itself, as a replay."""
        return self

    @property
    def worker(self) -> "Watched":
        """Itself, as a worker."""
        return self

    @property
    def assessor(self) -> "Watched":
        """Itself, as an assessor."""
        return self

    def now(self) -> datetime:
        """Noon."""
        return datetime(2016, 5, 4, 12, tzinfo=UTC)

    def today(self) -> date:
        """The day of noon."""
        return TODAY

    def check(self) -> None:
        """Raise where it has ended."""
        if self.ended:
            raise ProgramEndedError("worker", 1, last_line="enough")


@dataclass
class Shown:
    """A screen that keeps its frames."""

    frames: list[ScreenFrame] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Print nothing."""

    def note(self, text: str) -> None:
        """Print nothing."""

    def show(self, frame: ScreenFrame) -> None:
        """Keep the frame."""
        self.frames.append(frame)


def watching(system: Watched, screen: Shown) -> Watch:
    """Watch a system."""
    return Watch(cast("DemoSystem", system), load_catalogue(), screen)


def test_a_worker_that_starts_is_shown_without_figures() -> None:
    """The clock's day, what was sent, and no address."""
    screen = Shown()

    watching(Watched(), screen).refresh()

    assert screen.frames == [ScreenFrame(TODAY, 12, (), None)]


def test_a_worker_that_does_not_answer_is_shown_without_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be busy; whether it has ended is another question."""

    def refuse(url: str, **_: object) -> Exposed:
        raise WorkerUnreadableError(url, cause="timed out")

    monkeypatch.setattr(watch, "read_exposed", refuse)
    screen = Shown()

    watching(Watched(address="worker:6066"), screen).refresh()

    assert screen.frames == [ScreenFrame(TODAY, 12, (), "worker:6066")]


def test_nothing_is_shown_once_the_condition_holds() -> None:
    """What is there already is not waited for."""
    screen = Shown()

    watching(Watched(), screen).until(lambda: True)

    assert screen.frames == []


def test_the_stage_is_shown_while_a_condition_is_awaited() -> None:
    """The first time at once, then not at every question."""
    screen = Shown()
    answers = iter([False, False, False, True])

    watching(Watched(), screen).until(lambda: next(answers))

    assert len(screen.frames) == 1


def test_a_stage_that_ends_ends_the_wait() -> None:
    """A condition that can no longer come true is not awaited for ever."""
    with pytest.raises(ProgramEndedError, match=r"status 1 \(enough\)"):
        watching(Watched(ended=True), Shown()).until(lambda: False)
