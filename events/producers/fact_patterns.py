"""Facts as a declaration names them: `school.*`, `school.closed` or a whole CloudEvents type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from boundary.diagnostic import choose
from events.declaration import invalid
from events.registry import FACTS, FACTS_BY_NAME

__all__ = ["FactPattern", "types_of"]


def types_of(pattern: str) -> Iterator[str]:
    """The CloudEvents types that a pattern stands for: `school.*`, `school.closed`, or a type."""
    if pattern in FACTS:
        yield pattern
        return
    # A fact's name stands for all its versions: the old one is still sent beside the new one.
    for kind, fact in FACTS.items():
        if pattern == fact.NAME or (
            pattern.endswith(".*") and fact.NAME.startswith(pattern.removesuffix("*"))
        ):
            yield kind


def _known_types(pattern: str) -> str:
    if not any(types_of(pattern)):
        subjects = sorted({f"{name.partition('.')[0]}.*" for name in FACTS_BY_NAME})
        raise invalid("is no event", pattern, choose(pattern, [*subjects, *FACTS_BY_NAME]))
    return pattern


FactPattern = Annotated[str, AfterValidator(_known_types)]
