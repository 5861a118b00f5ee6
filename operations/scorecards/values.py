"""What is told of producers: plain values that are written as JSON as they are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["ReportModel"]


class ReportModel(BaseModel):
    """A part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")
