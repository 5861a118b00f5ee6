"""How a milestone's status is displayed, the same in every table, board and message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from catalogue.progress import MilestoneStatus


@dataclass(frozen=True, slots=True)
class StatusStyle:
    """A status in words. The mark comes first: colour is never the only carrier of meaning."""

    severity: int
    """From 1 (nothing to do) to 5 (too late): the worst of several statuses is their highest."""
    mark: str
    word: str
    """French, as it is said of one milestone."""
    colour: str
    """A colour of Grafana's palette, distinct also to readers who confuse red and green."""
    terminal: str
    """The same for a terminal, as rich names it."""

    @property
    def text(self) -> str:
        """The mark and the word."""
        return f"{self.mark} {self.word}"


STATUSES: Mapping[MilestoneStatus, StatusStyle] = MappingProxyType(
    {
        MilestoneStatus.ACHIEVED: StatusStyle(1, "✔", "atteint", "blue", "bold green"),
        MilestoneStatus.ON_TRACK: StatusStyle(2, "●", "en bonne voie", "green", "green"),
        MilestoneStatus.UNREPORTED: StatusStyle(3, "?", "non renseigné", "purple", "magenta"),
        MilestoneStatus.AT_RISK: StatusStyle(4, "▲", "à risque", "orange", "yellow"),
        MilestoneStatus.MISSED: StatusStyle(5, "✖", "manqué", "red", "bold red"),
    }
)
