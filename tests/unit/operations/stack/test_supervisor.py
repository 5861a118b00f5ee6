"""How services are kept running, on a clock that the test moves."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from boundary.errors import SmartRegionError
from operations.programs.program import Program
from operations.stack.supervisor import READY_SECONDS, Supervisor


class EnoughError(Exception):
    """Ends a watch that would go on."""


@dataclass
class FakeProgram:
    """The calls that the supervisor makes of a program."""

    name: str
    events: list[str]
    serving: set[str]
    status: int | None = None
    starts: int = 0
    log_file: Path = Path("logs/fake.log")

    @property
    def is_ready(self) -> bool:
        return self.name in self.serving

    def launch(self) -> None:
        self.starts += 1
        self.status = None
        self.events.append(f"start {self.name}")

    def terminate(self) -> None:
        self.events.append(f"terminate {self.name}")

    def stop(self) -> None:
        self.events.append(f"stop {self.name}")

    def log_end(self, lines: int) -> list[str]:
        return ["starting", "wrong settings"][-lines:]


@dataclass
class Scene:
    """A supervisor with fake programs, and what happens to them."""

    now: float = 0.0
    events: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    programs: dict[str, FakeProgram] = field(default_factory=dict)
    serving: set[str] = field(default_factory=set)
    exits: dict[float, tuple[int, ...]] = field(default_factory=dict)
    """At a moment, how the programs end, one after the other."""
    broken: str = ""
    """The program that ends at once, always."""
    lasts: float = 300.0

    def program(self, name: str, *, serves: bool = True) -> Program:
        program = self.programs[name] = FakeProgram(name, self.events, self.serving)
        if serves:
            self.serving.add(name)
        return cast("Program", program)

    def supervisor(self) -> Supervisor:
        return Supervisor(self.lines.append, clock=lambda: self.now, pause=self.pause)

    def pause(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 3)
        for program, status in zip(
            self.programs.values(), self.exits.get(self.now, ()), strict=False
        ):
            program.status = status
        if self.broken in self.programs:
            self.programs[self.broken].status = 2
        if self.now > self.lasts:
            raise EnoughError

    def run(self, *groups: tuple[Program, ...]) -> None:
        with self.supervisor() as supervisor:
            for group in groups:
                supervisor.start(*group)
            supervisor.watch()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_programs_begin_once_those_before_them_serve(scene: Scene) -> None:
    with scene.supervisor() as supervisor:
        supervisor.start(scene.program("kafka"))
        assert scene.lines == ["kafka: ready after 0.0 s"]
        supervisor.start(scene.program("worker-1"), scene.program("worker-2"))

    assert scene.events == [
        "start kafka",
        "start worker-1",
        "start worker-2",
        "terminate worker-1",
        "terminate worker-2",
        "stop worker-1",
        "stop worker-2",
        "terminate kafka",
        "stop kafka",
    ]


def test_one_that_does_not_become_ready_is_named_with_its_log(scene: Scene) -> None:
    supervisor = scene.supervisor()
    with pytest.raises(SmartRegionError, match=r"^gateway: is not ready after 120 s"), supervisor:
        supervisor.start(scene.program("gateway", serves=False))

    assert scene.now == pytest.approx(READY_SECONDS, abs=1)
    assert scene.lines[-4:] == [
        "the end of logs/fake.log:",
        "  starting",
        "  wrong settings",
        "stopping all services",
    ]
    assert scene.events[-1] == "stop gateway"


def test_one_that_is_killed_is_started_again_and_that_is_reported(scene: Scene) -> None:
    scene.exits = {50.0: (-signal.SIGKILL,)}
    with pytest.raises(EnoughError):
        scene.run((scene.program("worker-1"),))

    assert scene.programs["worker-1"].starts == 2
    assert scene.lines[1:-1] == [
        "worker-1: ended by SIGKILL; started again in 0.5 s",
        "worker-1: ready after 0.6 s",
    ]


def test_the_others_are_checked_while_one_pauses(scene: Scene) -> None:
    scene.exits = {50.0: (1, 1)}
    with pytest.raises(EnoughError):
        scene.run((scene.program("worker-1"), scene.program("worker-2")))

    assert [program.starts for program in scene.programs.values()] == [2, 2]
    assert scene.lines[2].startswith("worker-1: ended")
    assert scene.lines[3].startswith("worker-2: ended")


@pytest.mark.parametrize("serves", [True, False])
def test_one_that_ends_five_times_at_once_ends_all(scene: Scene, *, serves: bool) -> None:
    scene.broken = "gateway"
    kafka, gateway = scene.program("kafka"), scene.program("gateway", serves=serves)
    with pytest.raises(SmartRegionError, match=r"^gateway: ended 5 times .* 2: correct what logs/"):
        scene.run((kafka,), (gateway,))

    assert scene.programs["gateway"].starts == 5
    assert [line for line in scene.lines if "again in" in line] == [
        f"gateway: ended by itself with status 2; started again in {pause} s"
        for pause in (0.5, 1.0, 2.0, 4.0)
    ]
    assert scene.lines[-4:-1] == ["the end of logs/fake.log:", "  starting", "  wrong settings"]
    assert scene.events[-1] == "stop kafka"


def test_after_a_long_life_the_next_one_begins_soon(scene: Scene) -> None:
    scene.lasts = 500
    scene.exits = {10.0: (1,), 20.0: (1,), 400.0: (1,)}
    with pytest.raises(EnoughError):
        scene.run((scene.program("worker-1"),))

    pauses = [line.rpartition("again in ")[2] for line in scene.lines if "again in" in line]
    assert pauses == ["0.5 s", "1.0 s", "0.5 s"]


def test_a_closed_terminal_does_not_keep_it_from_stopping_all(scene: Scene) -> None:
    def report(line: str) -> None:
        if "stopping" in line:
            raise BrokenPipeError

    with Supervisor(report, clock=lambda: scene.now, pause=scene.pause) as supervisor:
        supervisor.start(scene.program("kafka"))

    assert scene.events[-1] == "stop kafka"
