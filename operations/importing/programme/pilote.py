"""PILOTE's initial and target values: merged into a programme as baselines and milestones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from operations.importing.event_building import LineOrigin
from operations.importing.findings import Finding, SkippedLine
from operations.importing.pilote import PiloteValue
from operations.importing.programme.merging import Declaration, ImportHints, Promise, merge
from operations.importing.sender import REPEATED

__all__ = ["CORRECTED", "CatalogueKeeper", "NoCatalogue", "Promises"]

NO_CATALOGUE = "an initial or a target value, for which --catalogue is not given"
CORRECTED = "corrected by a later file"


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


class CatalogueKeeper:
    """Merges values into a programme's declaration, once all files have been read."""

    def __init__(self, declared: Declaration, hints: ImportHints | None = None) -> None:
        self.declared = declared
        """The declaration as given; merged, once `rest` has run."""
        self.has_changes = False
        self._hints = hints
        self._promises = Promises()

    def take(self, value: PiloteValue, origin: LineOrigin, time: datetime) -> None:
        """Receive a value with its line."""
        self._promises.take(Promise(value, origin, time))

    def rest(self) -> Iterator[Finding]:
        """Merge, and yield for each line what has become of it."""
        merged, findings = merge(self.declared, self._promises.kept(), self._hints)
        self.has_changes = merged != self.declared
        self.declared = merged
        yield from self._promises.others()
        yield from findings


class NoCatalogue:
    """Skips every value."""

    def __init__(self) -> None:
        self._lines: list[int] = []

    def take(self, value: PiloteValue, origin: LineOrigin, time: datetime) -> None:  # noqa: ARG002
        """Keep the line."""
        self._lines.append(origin.line)

    def rest(self) -> Iterator[Finding]:
        """Yield each line as skipped."""
        return (SkippedLine(line, NO_CATALOGUE) for line in self._lines)
