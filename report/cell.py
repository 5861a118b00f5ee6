"""A cell of a page: a text, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextCell:
    """A text, or the reason why it is missing; exactly one of them is not empty. Both are French.

    `note` completes the text: what is assumed, or the day of publication.
    """

    text: str = ""
    reason: str = ""
    note: str = ""

    @classmethod
    def empty(cls, reason: str) -> TextCell:
        """Return a cell without a text."""
        return cls(reason=reason)
