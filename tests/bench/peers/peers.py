"""Other stream processors and bare loops beside the worker, each with its changelog and restore."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from events.topics import topic_name
from tests.bench.engines import (
    BARE,
    IDIOMATIC,
    MONITOR,
    RESTORE_SECONDS,
    ROOT,
    Cell,
    Engine,
    Rival,
    Trial,
    measure_trials,
    throughput,
)
from tests.bench.harness import Bench, page_of
from tests.bench.stage import Stage
from tests.bench.workloads import DISTINCT, WORKLOADS

FOLDER = Path(__file__).parent
ENVIRONMENT = ROOT / "build" / "peers"
STREAMS = FOLDER / "kafka-streams" / "target"
_STREAMS_VERSION = re.compile(r"<kafka\.version>(.+)</kafka\.version>")
_PINNED = re.compile(r"^(quixstreams|confluent-kafka)[^=\n]*==(\S+)", re.MULTILINE)


def _kafka_streams(name: str, cache: str) -> Rival:
    classes = f"{STREAMS}/last-value.jar:{STREAMS}/jars/*"
    return Rival(
        name,
        ("java", "-Xmx1g", "-cp", classes, "LastValue", cache),
        changelog=lambda application: f"{application.app_id}-latest-changelog",
        needs=STREAMS,
    )


QUIX: Final = Rival(
    "Quix Streams",
    (str(ENVIRONMENT / "bin" / "python"), "-m", "tests.bench.peers.quix"),
    changelog=lambda application: (
        f"changelog__{application.app_id}--{topic_name(application.family)}--default"
    ),
    needs=ENVIRONMENT,
)
LIBRDKAFKA: Final = Rival(
    "bare librdkafka loop",
    (str(ENVIRONMENT / "bin" / "python"), "-m", "tests.bench.peers.librdkafka"),
    restores=False,
    needs=ENVIRONMENT,
)
PEERS: Final[tuple[Engine, ...]] = (
    IDIOMATIC,
    QUIX,
    _kafka_streams("Kafka Streams, record cache", "cached"),
    _kafka_streams("Kafka Streams, no record cache", "uncached"),
    BARE,
    LIBRDKAFKA,
    MONITOR,
)
"""The first is the one that the others are compared with."""


def measure_peers(bench: Bench) -> str:
    """Run those that can be installed in turns; then let each restore the states of DISTINCT."""
    subprocess.run([ROOT / "tests/packages.sh", FOLDER, FOLDER / "kafka-streams"], check=False)
    peers = [peer for peer in PEERS if peer.installed]
    stage = Stage(bench.broker)
    trials = measure_trials(bench, stage, peers)
    restores: dict[str, float] = {}
    for peer in peers:
        if peer.restores:
            with stage.application(DISTINCT) as application:
                given = (bench, stage, application, DISTINCT.entities)
                peer.run(*given)
                restores[peer.name] = peer.restore(*given)
            bench.report(f"{peer.name}: {restores[peer.name]:.1f} s to restore its states")

    def restore(peer: str, _: Sequence[Trial]) -> str:
        seconds = restores.get(peer)
        if seconds is None:
            return "–"
        return f"over {RESTORE_SECONDS:.0f}" if math.isinf(seconds) else f"{seconds:.1f}"

    tables = []
    for workload in WORKLOADS:
        more: dict[str, Cell] = {"changelog records/event": _records}
        if workload is DISTINCT:
            more["restore s"] = restore
        tables.append(throughput(trials, workload, more))
    missing = [peer.name for peer in PEERS if not peer.installed]
    left_out = f"Left out, because it could not be installed: {', '.join(missing)}."
    return page_of(
        bench.conditions("faust-streaming", "aiokafka", **versions()),
        *tables,
        *([left_out] if missing else []),
    )


def versions() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    pinned = dict(_PINNED.findall((FOLDER / "requirements.txt").read_text(encoding="utf-8")))
    pom = (FOLDER / "kafka-streams" / "pom.xml").read_text(encoding="utf-8")
    streams = _STREAMS_VERSION.search(pom)
    return pinned | {"Kafka Streams": streams[1] if streams else "?"}


def _records(_: str, trials: Sequence[Trial]) -> str:
    written = [trial.written / trial.events for trial in trials if trial.written]
    return f"{median(written):.2f}" if written else "–"
