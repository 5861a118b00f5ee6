"""What a metric is: its name, labels and meaning, and what an operator does about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family. `remedy` is what an operator does about it; empty where nothing."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    meaning: str
    remedy: str = ""
