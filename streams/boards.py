"""What `dashboards` makes of a catalogue, as the command line's door hands it to commands here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import RenderableType

__all__ = ["Boards"]


@dataclass(frozen=True, slots=True)
class Boards:
    """What people look at and are woken by. The door gives it: `streams` knows no `dashboards`."""

    table: Callable[..., RenderableType]
    """As `dashboards.console.figures_table`."""
    rules: Callable[..., Mapping[str, str]]
    """Of a catalogue, what `streams.programs.alerting.RuleFiles` says."""
    look: Callable[..., str]
    """Tells of a catalogue and a Grafana's address whether the boards are there.

    Raises `streams.doctor.errors.GrafanaUnwellError`.
    """
