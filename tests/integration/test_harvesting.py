"""Harvests to a real broker: each event once, resumed after kill -9."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from broker.reading import read_topics
from events.cloudevent import decode
from events.fact import Family
from events.topics import topic_name
from operations.programs.program import COMMAND, Program
from sources.harvest.run import DATASETS_PER_NOTE, EVENTS_PER_CHUNK
from tests.support.commands import run
from tests.support.kafka import KafkaBroker
from tests.support.portals import dataset, portal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)

DATASETS = 1_200


def ids(broker: KafkaBroker) -> Counter[str]:
    records = read_topics(broker.bootstrap, topics=[topic_name(Family.DATASETS)])
    return Counter(decode(record.headers, record.value).id for record in records)


def waiting(state: Path) -> int | None:
    try:
        return len(json.loads(state.read_bytes())["outbox"])
    except FileNotFoundError:
        return None


def has_sent(state: Path) -> bool:
    return 0 < (waiting(state) or 0) < 2 * DATASETS


@pytest.mark.nightly
def test_a_harvest_that_is_killed_goes_on(broker: KafkaBroker, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    env = {"SMART_REGION_BROKER": broker.bootstrap}
    with portal(*(dataset(f"d-{number:04}") for number in range(DATASETS))) as served:
        options = ("--contact", "x@example.org", "--pause", "0", "--private-addresses")
        command = ("harvest", "opendatasoft", served.url, "--state", str(state), *options)
        for is_reached in (
            lambda: len(served.paths()) > 3,
            partial(has_sent, state),
            lambda: sum("/exports/" in path for path in served.paths()) > DATASETS // 4,
        ):
            with Program("harvest", (*COMMAND, *command), folder=tmp_path, env=env) as harvesting:
                reached = wait_until(is_reached, seconds=60, every=0.002)
            assert reached, harvesting.log
        assert len(ids(broker)) < 3 * DATASETS

        done = run(broker, *command)
        assert done.returncode == 0, done.stderr + done.stdout
        sent = ids(broker)
        assert len(sent) == 3 * DATASETS
        assert sent.total() - len(sent) <= EVENTS_PER_CHUNK + DATASETS_PER_NOTE

        again = run(broker, *command)
        assert f"{DATASETS} datasets, 0 refused, 0 problems, 0 events sent" in again.stdout
    assert ids(broker) == sent
