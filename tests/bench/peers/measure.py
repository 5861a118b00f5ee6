"""Measures the peers in turns, then how long each takes to restore its states."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peers.peers import FOLDER, PEERS, Peer
from tests.bench.stage import Stage
from tests.bench.trials import Trials, measure_trials
from tests.bench.workloads import DISTINCT
from tests.support.kafka import KafkaBroker


@dataclass(frozen=True, slots=True)
class PeersFound:
    trials: Trials
    restores: Mapping[str, float]
    """Seconds by peer; infinite where it was not waited for; without those that restore nothing."""
    left_out: Sequence[str]
    """Peers that could not be installed."""
    load: tuple[float, float]
    """The machine's load (of a minute) before and after."""


def install() -> tuple[list[Peer], list[Peer]]:
    """Install what the peers need; return those that are there, and the others."""
    subprocess.run([FOLDER / "packages.sh"], check=False)
    return (
        [peer for peer in PEERS if peer.installed],
        [peer for peer in PEERS if not peer.installed],
    )


def measure_peers(
    broker: KafkaBroker, folder: Path, rounds: int, *, report: Callable[[str], None]
) -> PeersFound:
    """Run those that can be installed in turns; then let each restore the states of DISTINCT."""
    peers, missing = install()
    before = os.getloadavg()[0]
    stage = Stage(broker)
    trials = measure_trials(stage, peers, folder, rounds, report=report)
    restores: dict[str, float] = {}
    for peer in peers:
        if peer.restores:
            with stage.application(DISTINCT) as application:
                peer.run(stage, application, folder)
                restores[peer.name] = peer.engine.restore(stage, application, folder)
            report(f"{peer.name}: {restores[peer.name]:.1f} s to restore its states")
    names = [peer.name for peer in missing]
    return PeersFound(trials, restores, names, (before, os.getloadavg()[0]))
