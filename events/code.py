"""The base of closed lists of codes, each with its French word."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self


class Code(StrEnum):
    """Base of a list of codes: a member is declared as its code and its French word.

    `dimension` is French for the breakdown by this list: « par public ». With both, a breakdown of
    an indicator needs no words declared elsewhere.
    """

    word: str
    """The French word of the code, as the title of a row."""

    _dimension: ClassVar[str]

    # The word is optional because a lookup passes only the code.
    def __new__(cls, code: str, word: str = "") -> Self:
        """Create a member whose value is the code. Raises ValueError without a word."""
        if not word:
            raise ValueError(
                f"{cls.__name__} {code!r}: has no French word: write it beside the code"
            )
        member = str.__new__(cls, code)
        member._value_ = code
        member.word = word
        return member

    def __init_subclass__(cls, *, dimension: str) -> None:
        """Set the dimension of the list."""
        super().__init_subclass__()
        cls._dimension = dimension

    @classmethod
    def dimension(cls) -> str:
        """Return the dimension, after « par »."""
        return cls._dimension
