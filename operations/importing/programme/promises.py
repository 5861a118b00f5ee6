"""Initial and target values of PILOTE's files, one for each key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from operations.importing.event_building import LineOrigin
from operations.importing.findings import Finding, SkippedLine
from operations.importing.pilote import PiloteValue
from operations.importing.sender import REPEATED

__all__ = ["CORRECTED", "Promise", "Promises"]

CORRECTED = "corrected by a later file"


@dataclass(frozen=True, slots=True)
class Promise:
    """An initial or a target value, with its line."""

    value: PiloteValue
    origin: LineOrigin
    time: datetime


class Promises:
    """Keeps for each key the value of the file that was recorded last.

    Two lines recorded at the same time may not differ.
    """

    def __init__(self) -> None:
        self._kept: dict[object, Promise] = {}
        self._others: list[Finding] = []

    def take(self, promise: Promise) -> None:
        """Receive a value."""
        known = self._kept.setdefault(promise.value.key, promise)
        if known is promise:
            return
        if promise.value == known.value:
            self._others.append(SkippedLine(promise.origin.line, REPEATED))
        elif promise.time == known.time:
            where = f"line {known.origin.line}"
            if known.origin.file != promise.origin.file:
                where = f"{known.origin.file}:{known.origin.line}"
            problem = f"contradicts {where}, about the same on the same day"
            self._others.append(promise.origin.refusal("valeur", problem, "keep one of the two"))
        else:
            earlier, later = sorted((known, promise), key=lambda one: one.time)
            self._kept[promise.value.key] = later
            self._others.append(SkippedLine(earlier.origin.line, CORRECTED))

    def kept(self) -> Iterable[Promise]:
        """Return the values that are kept."""
        return self._kept.values()

    def others(self) -> Iterator[Finding]:
        """Yield what has become of the other lines."""
        yield from self._others
