"""What keeps an erasure from being made, or from being ended."""

from __future__ import annotations

from boundary.errors import SmartRegionError

__all__ = ["ErasureError", "NotAPseudonymError"]


class ErasureError(SmartRegionError):
    """The erasure is not done; the command may be run again as it was."""


class NotAPseudonymError(ErasureError):
    """A line that is no pseudonym; never shows it."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(
            f"line {line}: is no pseudonym, 16 to 64 lower-case letters, digits and hyphens: give"
            " one a line, as `smart-region pseudonymise` writes them; nothing was erased"
        )
