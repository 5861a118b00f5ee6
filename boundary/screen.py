"""A screen that draws tables and bars: what is drawn with them does nothing to a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from boundary.showing import legible_lines

__all__ = ["LegibleConsole"]


class LegibleConsole(Console):
    """Rich's console, in which only its own control sequences reach the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as the console does; text that cannot be printed is escaped."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(legible_lines(segment.text), segment.style)
