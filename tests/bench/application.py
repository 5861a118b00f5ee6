"""What an engine has to process, given to its process on the command line; what it reports."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from time import monotonic, process_time
from typing import NamedTuple

import click

from events.fact import Family
from events.topics import topic_name


@dataclass(frozen=True, slots=True)
class Application:
    """A consumer group, and the number of events that it has to read."""

    bootstrap: str
    app_id: str
    family: Family
    events: int

    @property
    def changelog(self) -> str:
        """The topic in which an engine may keep its states; it is empty at first."""
        return f"{self.app_id}-{self.family.value}-changelog"

    def arguments(self, events: int | None = None) -> list[str]:
        """Return what `from_arguments` reads; `events` are fewer than there are."""
        count = self.events if events is None else events
        return [self.bootstrap, self.app_id, topic_name(self.family), str(count)]

    @classmethod
    def from_arguments(cls) -> Application:
        bootstrap, app_id, topic, events = sys.argv[1:]
        family = next(family for family in Family if topic_name(family) == topic)
        return cls(bootstrap, app_id, family, int(events))


class Times(NamedTuple):
    """How long an engine took, in seconds by the clock, and of processors in its process."""

    seconds: float
    processor_seconds: float

    @classmethod
    def found_in(cls, output: str) -> Times | None:
        found = re.search(r"^took (\S+) s, of processors (\S+) s$", output, re.MULTILINE)
        return cls(float(found[1]), float(found[2])) if found else None


class Stopwatch:
    """Runs in the engine's process, from its first event until all it wrote is on the broker."""

    def __init__(self) -> None:
        self._began: Times | None = None

    def start(self) -> None:
        if self._began is None:
            self._began = Times(monotonic(), process_time())

    def stop(self) -> None:
        assert self._began is not None, "start it first"
        took = monotonic() - self._began.seconds
        of_processors = process_time() - self._began.processor_seconds
        click.echo(f"took {took:.3f} s, of processors {of_processors:.3f} s")


class Restoring:
    """What an engine's process says of its states, which it restores from its changelog."""

    @staticmethod
    def ended() -> None:
        click.echo("ready")

    @staticmethod
    def counted(states: int) -> None:
        click.echo(f"restored {states}")

    @staticmethod
    def has_ended(output: str) -> bool:
        return re.search(r"^ready$", output, re.MULTILINE) is not None

    @staticmethod
    def count(output: str) -> int | None:
        found = re.search(r"^restored (\d+)$", output, re.MULTILINE)
        return int(found[1]) if found else None
