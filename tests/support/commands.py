"""The command line, run as a user runs it."""

import os
import subprocess
import sys

from tests.support.kafka import KafkaBroker

__all__ = ["run"]

SECONDS = 300.0


def run(broker: KafkaBroker, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `smart-region` on a broker; the clock stands on the last day of 2020."""
    return subprocess.run(
        [sys.executable, "-m", "smart_region", *arguments],
        env={
            **os.environ,
            "SMART_REGION_BROKER": broker.bootstrap,
            "SMART_REGION_CLOCK": "2020-12-31",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
