"""Ends a command at a system call, runs it again, and says what was wrong then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGKILL
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from tests.crash.calls import Call, Injection, recording, writes
from tests.crash.power import Disk
from tests.crash.stage import Command, Stage

ERRORS: Final = ("ENOSPC", "EIO")
"""A full disk, and one that fails."""
#: What no write to a full disk needs, so that only a failing one refuses it.
_NEEDS_NO_ROOM: Final = ("fsync", "fdatasync", "unlink", "unlinkat")
#: The exit statuses of a command that an error met: it went on rightly, or ended by one line.
_ENDED, _REFUSED = 0, 2


class Case(Protocol):
    """A command before its first run, and what must hold afterwards."""

    @property
    def command(self) -> Command:
        """What is run, and run again."""

    def cut_short(self) -> Iterator[str]:
        """Yield what is wrong after a run that was cut short."""

    def ended(self, cuts: int) -> Iterator[str]:
        """Yield what is wrong after a run came to its end that follows so many cut short."""


@dataclass(frozen=True)
class Scenario:
    """Cases that are alike, each apart from those before it."""

    name: str
    """How the command line calls it."""
    case: Callable[[Path], Case]
    """Prepares a case, whose files are in a folder."""
    files: tuple[str, ...] = ()
    """How the names of the product's own files begin, which may fail, and survive a power cut."""


@dataclass(frozen=True)
class Attempt:
    """What came of one injection, and of another into the run that goes on."""

    injection: Injection
    again: Injection | None
    reached: bool
    """False: the run came to its end before the call. It counts as right or wrong all the same."""
    reached_again: bool
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.injection}{f', then {self.again}' if self.again else ''}"


def recorded_calls(stage: Stage, scenario: Scenario) -> list[Call]:
    """Run a case undisturbed, and return the calls that changed something."""
    with _folder() as files, _folder() as others:
        case = scenario.case(files)
        output, record = others / "output", others / "record"
        status = stage.run(case.command, output, recording(record))
        problems = [*case.ended(cuts=0)]
        if status != 0 or problems:
            raise AssertionError(
                f"{scenario.name}, undisturbed: {status} {problems}{_tail(output)}"
            )
        return writes(record, files)


def injections(scenario: Scenario, calls: Sequence[Call]) -> list[Injection]:
    """Return a kill at each call, and more where it is of a file of the product.

    Each error there, and power cuts at and between its database's calls: those of the main thread.
    """
    kills = [Injection(call) for call in calls]
    cuts = [
        Injection(call, cuts_power=True) for call in calls if scenario.files and not call.thread
    ]
    errors = [
        Injection(call, error)
        for call in calls
        if call.is_of_file and call.what.startswith(scenario.files)
        for error in ERRORS
        if error == "EIO" or call.name not in _NEEDS_NO_ROOM
    ]
    return kills + errors + cuts


def follow_ups(found: Sequence[Injection], first: Injection) -> Sequence[Injection]:
    """Return the injections that may meet the run after another: power cuts where all is known.

    strace writes down the calls of one thread of the run before, and databases are the main one's.
    """
    return [one for one in found if not (one.cuts_power and first.call.thread)]


def sampled(found: Sequence[Injection], points: int, chance: Random) -> list[Injection]:
    """Return so many of the injections, every kind of them in turn, drawn at random."""
    kinds: dict[tuple[str | None, bool, str, str], list[Injection]] = {}
    for one in chance.sample(found, len(found)):
        kinds.setdefault((one.error, one.cuts_power, one.call.name, one.call.what), []).append(one)
    drawn = list(kinds.values())
    chance.shuffle(drawn)
    in_turn = [kind[turn] for turn in range(len(found)) for kind in drawn if turn < len(kind)]
    return in_turn[:points]


def try_at(
    stage: Stage, scenario: Scenario, injection: Injection, again: Injection | None = None
) -> Attempt:
    """Run a new case with an injection, once more with another, then without; say what was wrong.

    The second one meets another call, or none, where less is left to do.
    """
    chosen = [one for one in (injection, again) if one is not None]
    with _folder() as files:
        trial = _Trial(stage, scenario, files, cuts_power=any(one.cuts_power for one in chosen))
        reached = [trial.cut_short(one) for one in chosen]
        trial.end(cuts=sum(reached))
    return Attempt(injection, again, reached[0], reached[1:] == [True], tuple(trial.problems))


class _Trial:
    def __init__(self, stage: Stage, scenario: Scenario, files: Path, *, cuts_power: bool) -> None:
        self._stage = stage
        self._scenario = scenario
        self._case = scenario.case(files)
        self._disk = Disk(files, scenario.files) if cuts_power else None
        self.problems: list[str] = []

    def cut_short(self, injection: Injection) -> bool:
        """Run it with an injection; return whether that was reached."""
        with _folder() as others:
            output, trace = others / "output", others / "record"
            tracing = injection.tracing(trace, writes_down=self._disk is not None)
            status = self._stage.run(self._case.command, output, tracing)
            record = trace.read_text() if trace.exists() else ""
            if self._disk is not None:
                self._disk.take_in(record)
                if injection.cuts_power and status == -SIGKILL:
                    self._disk.cut_power(Random(str(injection)))
            if injection.error is None:
                reached = status == -SIGKILL
                expected = [-SIGKILL, _ENDED]
            else:
                reached = _is_at(self._scenario.files, record)
                # Where the runs differ it may meet one of Python's own files: any end is right.
                expected = [_ENDED, _REFUSED] if reached else [status]
            if status not in expected:
                self.problems.append(f"exit status {status}{_tail(output)}")
            elif status in {_ENDED, _REFUSED} and "Traceback" in output.read_text():
                self.problems.append(f"an error without its one line{_tail(output)}")
        self.problems += self._case.cut_short()
        return reached

    def end(self, cuts: int) -> None:
        with _folder() as others:
            output = others / "output"
            status = self._stage.run(self._case.command, output)
            if status != 0:
                self.problems.append(f"the last run: exit status {status}{_tail(output)}")
        self.problems += self._case.ended(cuts)


@dataclass
class Outcome:
    scenario: str
    points: int
    """System calls of the undisturbed run that change something."""
    injections: int
    """A kill at each, and errors at those on the product's own files."""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def wrong(self) -> list[Attempt]:
        return [one for one in self.attempts if one.problems]

    @property
    def reached(self) -> int:
        """How many runs came to their point: they differ a little from each other."""
        return sum(one.reached for one in self.attempts)

    @property
    def reached_again(self) -> int:
        """How many of the runs that went on came to theirs."""
        return sum(one.reached_again for one in self.attempts)


def tried(
    stage: Stage,
    scenario: Scenario,
    *,
    points: int | None,
    seed: int,
    twice: bool = True,
    on_attempt: Callable[[Attempt], None] = lambda _: None,
) -> Outcome:
    """Try so many of a scenario's injections, drawn by the seed, or all in their order (None).

    By default each run that goes on is cut short too: the seed draws where.
    """
    calls = recorded_calls(stage, scenario)
    found = injections(scenario, calls)
    outcome = Outcome(scenario.name, len(calls), len(found))
    chance = Random(seed)
    for one in found if points is None else sampled(found, points, chance):
        again = chance.choice(follow_ups(found, one)) if twice else None
        outcome.attempts.append(try_at(stage, scenario, one, again))
        on_attempt(outcome.attempts[-1])
    return outcome


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="smart-region-") as name:
        yield Path(name)


def _is_at(names: Sequence[str], record: str) -> bool:
    """Return whether the first error was at a file whose name begins so."""
    injected = next((line for line in record.splitlines() if "(INJECTED)" in line), "")
    return any(f"/{name}" in injected for name in names)


def _tail(output: Path) -> str:
    return f": {output.read_text()[-2000:]}"
