"""What keeps a report on producers from being made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError

__all__ = ["SiretListError", "UnknownProducerError"]


class UnknownProducerError(SmartRegionError):
    """A report is asked for on a producer that is not declared."""

    def __init__(self, producer: str, *, known: Iterable[str]) -> None:
        self.producer = producer
        self.known = tuple(known)
        super().__init__(
            f"producer: is not declared, value {shown(producer)}:"
            f" name one of {', '.join(self.known)}, or declare it in SMART_REGION_PRODUCERS"
        )


class SiretListError(SmartRegionError):
    """A list of organisations cannot be read."""

    def __init__(self, file: Path, line: int, value: str, *, remedy: str) -> None:
        self.file = file
        self.line = line
        self.value = value
        self.remedy = remedy
        super().__init__(f"{file}:{line}: is not a SIRET, value {shown(value)}: {remedy}")
