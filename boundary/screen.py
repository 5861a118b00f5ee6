"""Rich's console for tables and bars; foreign text in them cannot control the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import Progress
from rich.segment import Segment

from boundary.broken_pipe import exit_broken_pipe
from boundary.terminal import legible_lines


class LegibleConsole(Console):
    """A console that passes only its own control sequences to the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the console's segments; unprintable text is escaped."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(legible_lines(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """End as every command does; Rich's own status 1 is a result of some commands."""
        exit_broken_pipe()


def progress_bar() -> Progress:
    """Return a bar on standard error that disappears at its end; invisible without a terminal."""
    return Progress(
        console=LegibleConsole(stderr=True), transient=True, disable=not sys.stderr.isatty()
    )
