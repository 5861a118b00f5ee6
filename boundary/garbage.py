"""How often Python collects garbage in this system's processes."""

import atexit
import gc
from typing import Final

THRESHOLDS: Final = (50_000, 50)
"""Python's defaults are 700 and 10."""


def tune_garbage_collection() -> None:
    """Collect less often, and not at the exit: modules, states and requests have few cycles.

    With the default thresholds, collection takes an eighth of the time of a worker's imports, a
    seventh of that of a batch, and a third of that of collecting the tests. At the exit, looking
    through all modules once more takes a quarter of the time of a short command.
    """
    gc.set_threshold(*THRESHOLDS)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
