"""What stands in for the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Of a process of its own: what is installed stays.
_RECORD = """
from random import Random
from aiokafka.producer.message_accumulator import BatchBuilder
from tests.simulation import stand_ins
from tests.simulation.cluster import Cluster
from tests.simulation.loop import SimulationLoop
from tests.simulation.network import Network

loop = SimulationLoop(Random(1))
network = Network(loop, Random(1))
cluster = Cluster(loop, network, Random(1), nodes=1)
stand_ins.install(loop, cluster, on_exit=lambda *_: None, accepted=dict)
batch = BatchBuilder(16384, 0)
print(batch.append(timestamp=None, key=b"", value=b"").timestamp)
"""


def test_a_record_has_the_time_of_the_run() -> None:
    """Its size depends on its time: by the machine's clock, a batch would hold more or fewer."""
    done = subprocess.run(
        [sys.executable, "-c", _RECORD], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == "1590969600000\n", done.stderr
