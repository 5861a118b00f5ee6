"""Declared producers for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from events.frequency import Frequency
from events.producers.model import Producer, Producers, Quota
from events.registry import FACTS_BY_NAME

USUAL: Final = Quota(events_per_second=1_000, burst=10_000)
UNLIMITED: Final = Quota(events_per_second=1_000_000, burst=1_000_000)
EVERYTHING: Final = tuple(sorted({f"{name.partition('.')[0]}.*" for name in FACTS_BY_NAME}))
"""The types of all facts."""


def producer(
    name: str,
    *sources: str,
    types: tuple[str, ...] = ("school.*",),
    owns: Sequence[Any] = (),
    quota: Quota = USUAL,
) -> Producer:
    return Producer(
        id=name,
        title=f"Système {name}",
        contact="exploitation",
        sources=sources,
        types=types,
        owns=tuple(owns),
        quota=quota,
        expected_every=Frequency.WEEKLY,
    )


def declared(folder: Path, *producers: Producer) -> Path:
    """Write a file that declares producers."""
    file = folder / "producers.yaml"
    content = Producers(producers=producers).model_dump(mode="json")
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file
