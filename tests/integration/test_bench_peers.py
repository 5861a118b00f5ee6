"""`make bench ARGS="--only peers"` in little: each peer gets through a workload and restores it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from events.fact import Family
from events.topics import topic_name
from operations.programs.kafka import QUICK_START
from tests.bench.__main__ import ENGINES
from tests.bench.application import Application, Times
from tests.bench.engines import BARE, Trial
from tests.bench.peers.measure import PeersFound
from tests.bench.peers.peers import PEERS, Peer, WrongChangelogError
from tests.bench.peers.report import MEASURED, peers_text
from tests.bench.stage import Stage
from tests.bench.tables import PAGE
from tests.bench.workloads import DISTINCT, WORKLOADS
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up

EVENTS = 400
#: Those that test_bench.py does not run.
FOREIGN = [peer for peer in PEERS if peer.engine not in ENGINES]


@contextmanager
def staged(kafka: KafkaBroker) -> Iterator[tuple[Stage, Application]]:
    stage = Stage(kafka)
    stage.preload(replace(DISTINCT, events=lambda: islice(DISTINCT.events(), EVENTS)))
    with stage.application(DISTINCT) as application:
        yield stage, application


@pytest.mark.parametrize("peer", FOREIGN, ids=lambda peer: peer.name)
def test_a_peer_does_its_whole_work(
    kafka: KafkaBroker, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", " ".join(QUICK_START))
    if not peer.installed:
        give_up("a peer is not installed: run tests/bench/peers/packages.sh")
    with staged(kafka) as (stage, application):
        trial = peer.run(stage, application, tmp_path)
        restored_in = peer.engine.restore(stage, application, tmp_path) if peer.restores else 0.0

    assert trial.written == EVENTS
    assert trial.times.processor_seconds > 0
    assert restored_in < math.inf


def test_a_changelog_without_the_entities_counts_for_nothing(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    """An engine that wrote no state, or elsewhere, is not credited with its rate."""
    elsewhere = Peer(BARE, changelog=lambda _: topic_name(Family.SCHOOLS))
    with (
        staged(kafka) as (stage, application),
        pytest.raises(WrongChangelogError, match=f"0 keys on the changelog of {EVENTS} entities"),
    ):
        elsewhere.run(stage, application, tmp_path)


def test_the_tables_say_what_was_not_measured() -> None:
    trial = Trial(EVENTS, Times(2.0, 1.0), 50.0, written=EVENTS // 2)
    by_workload = {workload.name: [trial] for workload in WORKLOADS}
    found = PeersFound(
        {"slow": by_workload, "bare": by_workload, "quick": by_workload},
        {"slow": math.inf, "quick": 1.23},
        ["absent"],
        (0.5, 1.5),
    )

    text = peers_text(found)

    assert "| slow | 200 | 200 to 200 | **1.0** | 2500 | 50 | 0.50 | over 180 |" in text
    assert "| bare | 200 | 200 to 200 | **1.0** | 2500 | 50 | 0.50 | – |" in text
    assert "| quick | 200 | 200 to 200 | **1.0** | 2500 | 50 | 0.50 | 1.2 |" in text
    assert "could not be installed: absent." in text
    assert re.search(r"confluent-kafka \d.*, quixstreams \d.*, Kafka Streams \d", text)


def test_the_page_has_a_place_for_the_tables() -> None:
    assert MEASURED.search(PAGE.read_text(encoding="utf-8"))
