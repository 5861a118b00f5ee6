"""Patterns of facts in declarations: `school.*`, `school.closed` or a CloudEvents type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from boundary.diagnostic import choose
from events.declaration import invalid
from events.registry import FACTS, FACTS_BY_NAME


def types_of(pattern: str) -> Iterator[str]:
    """Yield the CloudEvents types of a pattern: `school.*`, `school.closed`, or a type."""
    if pattern in FACTS:
        yield pattern
        return
    # A fact's name matches all of its versions, which may be sent at the same time.
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
