"""How often Python collects garbage in processes of the system."""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 50)
"""Python's own are 700 and 10."""


def collect_seldom() -> None:
    """Let Python collect garbage seldom: modules, states and requests have few cycles.

    With its own thresholds it takes an eighth of the time in which a worker is imported, a seventh
    of the time of a batch, and a third of that in which the tests are collected.
    """
    gc.set_threshold(*THRESHOLDS)
