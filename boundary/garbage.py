"""How often Python collects garbage in this system's processes."""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 50)
"""Python's defaults are 700 and 10."""


def raise_gc_thresholds() -> None:
    """Raise the thresholds of the garbage collector: modules, states and requests have few cycles.

    With the default thresholds, collection takes an eighth of the time of a worker's imports, a
    seventh of that of a batch, and a third of that of collecting the tests.
    """
    gc.set_threshold(*THRESHOLDS)
