"""A closed list of codes that a fact's field may hold, each with the French word that is shown."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self

__all__ = ["Code"]


class Code(StrEnum):
    """Base of such a list: a member is declared as its code and its French word.

    `dimension` is French for what figures are divided by: « par public ». With them, whatever a
    fact tells can break an indicator down without a word being written elsewhere.
    """

    word: str
    """What is shown for the code; French, as the title of a row."""

    _dimension: ClassVar[str]

    # Whoever looks a member up gives its code alone: the word is optional for their sake.
    def __new__(cls, code: str, word: str = "") -> Self:
        """Make a member whose value is the code alone. Raises ValueError without a word."""
        if not word:
            raise ValueError(
                f"{cls.__name__} {code!r}: has no French word: write it beside the code"
            )
        member = str.__new__(cls, code)
        member._value_ = code
        member.word = word
        return member

    def __init_subclass__(cls, *, dimension: str) -> None:
        """Keep what the list divides figures by."""
        super().__init_subclass__()
        cls._dimension = dimension

    @classmethod
    def dimension(cls) -> str:
        """What figures are divided by, after « par »."""
        return cls._dimension
