"""The command line, run as a user runs it."""

import os
import subprocess
import sys

from tests.support.kafka import KafkaBroker
from tests.support.variables import environment_variables

__all__ = ["run"]

SECONDS = 300.0


def run(
    broker: KafkaBroker,
    *arguments: str,
    module: str = "smart_region",
    standard_input: str = "",
    **settings: str,
) -> "subprocess.CompletedProcess[str]":
    """Run `smart-region`, or a variant of it, on a broker; the clock stands at the end of 2020.

    Settings are named as in `streams.settings`.
    """
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={
            **os.environ,
            "SMART_REGION_BROKER": broker.bootstrap,
            "SMART_REGION_CLOCK": "2020-12-31",
            **environment_variables(settings),
        },
        input=standard_input,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
