"""Relays as child processes, from a producer's database to a broker."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.children import Child


class Relay(Child):
    """A `smart-region relay postgres` of its own process."""

    def __init__(
        self, database: str, bootstrap: str, folder: Path, *options: str, name: str = "relay"
    ) -> None:
        self.database = database
        command = [
            *(sys.executable, "-m", "smart_region", "relay", "postgres"),
            *("--database", database, "--poll", "1", *options),
        ]
        log_file = folder / f"{name}.log"
        super().__init__(command, {"SMART_REGION_BROKER": bootstrap}, log_file=log_file)
