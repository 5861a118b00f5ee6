"""The outcome of a demo: the counts of its records, its figures, and the audit's result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict

from catalogue.figure import Figure
from catalogue.formatting import count_text
from catalogue.progress import MilestoneStatus
from operations.audit.ledger import RecordCounts


class Frozen(BaseModel):
    """Base of the JSON document: nothing may be missing or added."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class ShownFigure(Frozen):
    """A figure as the assessor judges it; see `catalogue.figure.Figure`."""

    programme: str
    indicator: str
    department: str | None
    value: float | None
    target: float | None
    progress_rate: float | None
    status: MilestoneStatus | None


class AuditCount(Frozen):
    """How many figures were compared with the audit's, and how many differences it found."""

    compared: int
    different: int


class DemoOutcome(Frozen):
    """The outcome of a demo: `produced` = `accepted` + `refused` + `duplicates`."""

    as_of: date
    produced: int
    accepted: int
    refused: int
    duplicates: int
    figures: tuple[ShownFigure, ...]
    audit: AuditCount

    @classmethod
    def of(
        cls, as_of: date, account: RecordCounts, figures: Sequence[Figure], audit: AuditCount
    ) -> Self:
        """Return the outcome of the audit's account and the assessor's figures."""
        return cls(
            as_of=as_of,
            produced=account.produced,
            accepted=account.accepted,
            refused=account.refused,
            duplicates=account.duplicates,
            figures=tuple(map(ShownFigure.model_validate, figures)),
            audit=audit,
        )


def summary(outcome: DemoOutcome) -> tuple[str, str]:
    """Return the counts, and the audit's result, in a line of French each."""
    counts = (
        ("évènements", outcome.produced),
        ("acceptés", outcome.accepted),
        ("refusés", outcome.refused),
        ("en double", outcome.duplicates),
    )
    audited = (
        ("chiffres recomptés", outcome.audit.compared),
        ("différents", outcome.audit.different),
    )
    return _line(counts), _line(audited)


def _line(counts: Sequence[tuple[str, int]]) -> str:
    return " · ".join(f"{name} : {count_text(count)}" for name, count in counts)
