"""PILOTE's initial and target values: merged into a programme as baselines and milestones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from operations.importing.event_building import LineOrigin
from operations.importing.findings import Finding, SkippedLine
from operations.importing.pilote import PiloteValue
from operations.importing.programme.merging import Declaration, ImportHints, merge
from operations.importing.programme.promises import Promise, Promises

__all__ = ["NO_CATALOGUE", "CatalogueKeeper", "NoCatalogue"]

NO_CATALOGUE = "an initial or a target value, for which --catalogue is not given"


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
