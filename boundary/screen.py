"""Rich's console for tables and bars; foreign text in them cannot control the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from boundary.terminal import legible_lines

__all__ = ["LegibleConsole"]


class LegibleConsole(Console):
    """A console whose own control sequences alone reach the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the console's segments; unprintable text is escaped."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(legible_lines(segment.text), segment.style)
