"""Ends a command at a system call, runs it again, and says what was wrong then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from signal import SIGKILL
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from tests.crash.calls import Call, Injection, recording, writes
from tests.crash.power import cut_power
from tests.crash.stage import Command, Stage

__all__ = [
    "ERRORS",
    "Attempt",
    "Case",
    "Scenario",
    "injections",
    "recorded_calls",
    "sampled",
    "try_at",
]

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

    def ended(self) -> Iterator[str]:
        """Yield what is wrong after the next run came to its end."""


class Scenario(Protocol):
    """Makes cases that are alike, each apart from those before it."""

    @property
    def name(self) -> str:
        """How the command line calls it."""

    @property
    def files(self) -> tuple[str, ...]:
        """How the names of the product's own files begin, which may fail."""

    @property
    def databases(self) -> tuple[str, ...]:
        """How those begin that are to survive a power cut."""

    def case(self, folder: Path) -> Case:
        """Prepare a case, whose files are in a folder."""


@dataclass(frozen=True)
class Attempt:
    """What came of one injection."""

    injection: Injection
    reached: bool
    """False: the run came to its end before the call. It counts as right or wrong all the same."""
    problems: tuple[str, ...]


def recorded_calls(stage: Stage, scenario: Scenario) -> list[Call]:
    """Run a case undisturbed, and return the calls that changed something."""
    with _folders() as (files, others):
        case = scenario.case(files)
        output, record = others / "output", others / "record"
        status = stage.run(case.command, output, recording(record))
        problems = [*case.ended()]
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
        Injection(call, cuts_power=True) for call in calls if scenario.databases and not call.thread
    ]
    errors = [
        Injection(call, error)
        for call in calls
        if call.is_of_file and call.what.startswith(scenario.files)
        for error in ERRORS
        if error == "EIO" or call.name not in _NEEDS_NO_ROOM
    ]
    return kills + errors + cuts


def sampled(found: Sequence[Injection], points: int, chance: Random) -> list[Injection]:
    """Return so many of the injections, every kind of them in turn, drawn at random."""
    kinds: dict[tuple[str | None, bool, str, str], list[Injection]] = {}
    for one in chance.sample(found, len(found)):
        kinds.setdefault((one.error, one.cuts_power, one.call.name, one.call.what), []).append(one)
    drawn = list(kinds.values())
    chance.shuffle(drawn)
    in_turn = [kind[turn] for turn in range(len(found)) for kind in drawn if turn < len(kind)]
    return in_turn[:points]


def try_at(stage: Stage, scenario: Scenario, injection: Injection) -> Attempt:
    """Run a new case with an injection, then again without, and say what was wrong."""
    with _folders() as (files, others):
        case = scenario.case(files)
        first, second = others / "first", others / "second"
        status = stage.run(case.command, first, injection.tracing(others / "record"))
        record = (others / "record").read_text() if (others / "record").exists() else ""
        problems: list[str] = []
        if injection.cuts_power and status == -SIGKILL:
            cut_power(others / "record", files, scenario.databases, Random(str(injection)))
        if injection.error is None:
            reached = status == -SIGKILL
            expected = [-SIGKILL, _ENDED]
        else:
            reached = _is_at(scenario.files, record)
            # Where the runs differ it may meet one of Python's own files: any end is right then.
            expected = [_ENDED, _REFUSED] if reached else [status]
        if status not in expected:
            problems.append(f"exit status {status}{_tail(first)}")
        elif status in {_ENDED, _REFUSED} and "Traceback" in first.read_text():
            problems.append(f"an error without its one line{_tail(first)}")
        problems += case.cut_short()
        status = stage.run(case.command, second)
        if status != 0:
            problems.append(f"the next run: exit status {status}{_tail(second)}")
        problems += case.ended()
        return Attempt(injection, reached, tuple(problems))


@contextmanager
def _folders() -> Iterator[tuple[Path, Path]]:
    """Yield a folder for a case's files and one for all else, gone in the end."""
    with TemporaryDirectory(prefix="smart-region-") as name:
        files, others = Path(name, "files"), Path(name, "others")
        files.mkdir()
        others.mkdir()
        yield files, others


def _is_at(names: Sequence[str], record: str) -> bool:
    """Return whether the first error was at a file whose name begins so."""
    injected = next((line for line in record.splitlines() if "(INJECTED)" in line), "")
    return any(f"/{name}" in injected for name in names)


def _tail(output: Path) -> str:
    return f": {output.read_text()[-2000:]}"
