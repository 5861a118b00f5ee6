"""The journal of a run: the result of each minute that is done, in a file from which it goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from boundary.errors import SmartRegionError
from boundary.whole_file import whole_file
from tests.chaos.faults import Fault, FaultKind


class JournalUnreadableError(SmartRegionError):
    """The file of a run's results is not what this program writes."""

    def __init__(self, path: Path, *, cause: str) -> None:
        super().__init__(f"{path}: {cause}: delete it, and the run begins anew")


class AnotherRunError(SmartRegionError):
    """The file holds the results of a run with other options."""

    def __init__(self, path: Path, *, field: str, held: object, asked: object) -> None:
        super().__init__(
            f"{path}: {field} was {held}, not {asked}: give the run that option or another --folder"
        )


class RunPlan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    rate: int = 2_000
    """Events a second, asked for."""
    workers: int = 4
    seconds: float = 60.0
    """Of each minute, until all is healed."""
    linger_ms: int = 20
    """How long the producer lets a record wait for others, to send them together."""


class MinuteResult(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    minute: int
    faults: tuple[Fault, ...]
    done: Mapping[FaultKind, int] = Field(default_factory=dict)
    """Faults that were inflicted; one whose target is down already is not."""
    traffic_seconds: float = 0.0
    settle_seconds: float = 0.0
    """From the healing until everything was processed."""
    audit_seconds: float = 0.0
    sent: int = 0
    """Records and events that a sender tried to write, without those that it repeated."""
    acknowledged: int = 0
    """By Kafka to the producer."""
    receipts: int = 0
    """By the gateway."""
    repeated: int = 0
    """Sendings whose answer was an error or none, made again."""
    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    """Of the audit."""
    figures: int = 0
    """Compared by the audit."""
    assessed: int = 0
    """Of the assessor, compared with the audit's."""
    places: int = 0
    """Acknowledged positions that were read back and compared."""
    restarts: int = 0
    """Of workers and the assessor, by their supervisor."""
    problems: tuple[str, ...] = ()


class Journal(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: RunPlan
    minutes: tuple[MinuteResult, ...] = ()

    @classmethod
    def of(cls, path: Path, plan: RunPlan) -> Self:
        """Read the file of a run, an empty journal where there is none.

        Raises JournalUnreadableError, and AnotherRunError where it is not of this plan.
        """
        if not path.exists():
            return cls(plan=plan)
        try:
            found = cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            raise JournalUnreadableError(path, cause=str(error).splitlines()[0]) from error
        for field in RunPlan.model_fields:
            held, asked = getattr(found.plan, field), getattr(plan, field)
            if held != asked:
                raise AnotherRunError(path, field=field, held=held, asked=asked)
        return found

    @property
    def next_minute(self) -> int:
        return len(self.minutes) + 1

    def with_minute(self, result: MinuteResult) -> Self:
        assert result.minute == self.next_minute, result
        return self.model_copy(update={"minutes": (*self.minutes, result)})

    def save(self, path: Path) -> None:
        with whole_file(path) as stream:
            stream.write(self.model_dump_json(indent=1).encode())

    @property
    def failed(self) -> tuple[MinuteResult, ...]:
        return tuple(one for one in self.minutes if one.problems)

    def total(self, field: str) -> float:
        return sum(float(getattr(one, field)) for one in self.minutes)

    @property
    def faults_done(self) -> Mapping[FaultKind, int]:
        done = Counter[FaultKind]()
        for one in self.minutes:
            done.update(one.done)
        return {kind: done[kind] for kind in FaultKind}
