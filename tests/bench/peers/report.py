"""What a run of the peers found, as Markdown, and its place on the page."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import median

from tests.bench.engines import RESTORE_SECONDS, Trial
from tests.bench.peers.measure import PeersFound
from tests.bench.peers.peers import FOLDER
from tests.bench.report import Cell, throughput
from tests.bench.tables import measured_under, section
from tests.bench.workloads import DISTINCT, WORKLOADS

MEASURED = section("peers ")
STREAMS = re.compile(r"<kafka\.version>(.+)</kafka\.version>")
PINNED = re.compile(r"^(quixstreams|confluent-kafka)[^=\n]*==(\S+)", re.MULTILINE)


def peers_text(found: PeersFound) -> str:
    def records(_: str, trials: Sequence[Trial]) -> str:
        written = [trial.written / trial.events for trial in trials if trial.written]
        return f"{median(written):.2f}" if written else "–"

    def restore(peer: str, _: Sequence[Trial]) -> str:
        seconds = found.restores.get(peer)
        if seconds is None:
            return "–"
        return f"over {RESTORE_SECONDS:.0f}" if math.isinf(seconds) else f"{seconds:.1f}"

    lines = [measured_under(found.load, "faust-streaming", "aiokafka", **_versions()), ""]
    for workload in WORKLOADS:
        more: dict[str, Cell] = {"changelog records/event": records}
        if workload is DISTINCT:
            more["restore s"] = restore
        lines += [*throughput(found.trials, workload.name, more), ""]
    if found.left_out:
        lines += [f"Left out, for it could not be installed: {', '.join(found.left_out)}.", ""]
    return "\n".join(lines)


def _versions() -> dict[str, str]:
    pinned = dict(PINNED.findall((FOLDER / "requirements.txt").read_text(encoding="utf-8")))
    streams = STREAMS.search((FOLDER / "kafka-streams" / "pom.xml").read_text(encoding="utf-8"))
    return pinned | {"Kafka Streams": streams[1] if streams else "?"}
