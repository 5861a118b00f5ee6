"""What a command that has sent events says to do next."""

from __future__ import annotations

import shlex
from datetime import UTC, date, datetime


def figures_line(day: date, bootstrap: str | None) -> str:
    """Return the line that shows the figures of a day, or of today where it is yet to come.

    `bootstrap` is the broker that the command was given; None where its settings name it.
    """
    seen = min(day, datetime.now(UTC).date())
    option = "" if bootstrap is None else f" --bootstrap {shlex.quote(bootstrap)}"
    return f"to see the figures, once counted: smart-region export --as-of {seen}{option}"
