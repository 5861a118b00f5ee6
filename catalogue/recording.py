"""From which day record timestamps say when a record became known, and how late it may come."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from catalogue.loader import PROGRAMMES, RECORDING
from events.declaration import read_declaration

_LONGEST_HOURS: Final = 366 * 24


class RecordingDeclaration(BaseModel):
    """What `recording.yaml` declares; see `RecordRules.known_at`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    live_since: date | None = None
    """The first day (UTC) on which the topics have their history, and events come as they happen.
    """
    lateness_hours: int = Field(default=72, ge=0, le=_LONGEST_HOURS)
    """How long a producer may keep events before it sends them: by default over a weekend."""

    @property
    def lateness(self) -> timedelta:
        """The same as a duration."""
        return timedelta(hours=self.lateness_hours)


def load_recording(directory: Path | None = None) -> RecordingDeclaration:
    """Read `recording.yaml` of the catalogue's folder; without one, `time` alone decides.

    Raises `InvalidDeclarationError`.
    """
    file = (PROGRAMMES if directory is None else directory) / RECORDING
    if not file.is_file():
        return RecordingDeclaration()
    return read_declaration(file, RecordingDeclaration)
