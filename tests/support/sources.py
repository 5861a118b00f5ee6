"""The sources of the declared producers that own the facts, for the events of tests."""

from __future__ import annotations

from functools import cache

from events.producers.model import load_producers


@cache
def source_of(fact: str) -> str:
    """Return the source of the Région's own system that owns a fact, by the fact's name."""
    return next(
        producer.sources[0]
        for producer in load_producers()
        for share in producer.owns
        if fact in share.facts and not share.patterns(fact)
    )
