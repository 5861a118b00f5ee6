"""Runs of the simulation, through its command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.faults import Fault, FaultKind
from tests.simulation.run import Outcome, Plan
from tests.simulation.schedules import failed_schedules, plan_of, schedule_line, shortest

ROOT = Path(__file__).parents[2]
#: How many seeds are run, from 1 on; `make simulate` runs 10 000.
SEEDS = 8
#: Planted faults found within a few seeds: by a figure, an idle worker, an offset, a reader, a
#: receipt, states, a dead letter's content, an order, a counter, an explanation.
PLANTED = (
    *("no-forwards", "coordinator-errors", "commit-before-letters", "unfounded-changes"),
    *("seek-to-commit", "position-too-high", "kept-shown", "kept-of-others", "faust-acks"),
    *("early-receipt", "gaps-and-dropped", "letter-headers", "letter-value", "letter-reason"),
    *("arrival-order", "swapped-outcomes", "stale-explanations", "letters-below-commit"),
    *("counts-below-commit", "position-too-low", "position-reset", "forward-key"),
    "content-by-arrival",
)


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.simulation`."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )


def outcomes(results: Path) -> list[dict[str, Any]]:
    """Return the outcomes that the command has written."""
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


@pytest.mark.timeout(1000)
def test_every_seed_is_right(tmp_path: Path) -> None:
    """Figures, states, offsets, dead letters and owners; each run compares some hundred figures."""
    results = tmp_path / "results.jsonl"

    done = simulate("--seeds", str(SEEDS), "--results", str(results))

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes(results)) == SEEDS
    assert min(one["compared"] for one in outcomes(results)) >= 100


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="other versions call back in another order"
)
@pytest.mark.parametrize(
    ("sequence", "seed", "probe"),
    [
        ("lost_records", "10", "batch of a stopped partition"),
        ("ended_twice", "7", "moved position"),
    ],
)
def test_a_rare_state_is_reached_and_right(
    tmp_path: Path, sequence: str, seed: str, probe: str
) -> None:
    """Of ordinary seeds, less than one in 60 reaches it."""
    results = tmp_path / "results.jsonl"

    done = simulate(
        "--sequence", sequence, "--from", seed, "--seeds", "1", "--results", str(results)
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert probe in outcomes(results)[0]["reached"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("newest", [4, pytest.param(200, marks=pytest.mark.nightly)])
def test_what_failed_once_is_right(newest: int) -> None:
    """Each schedule that once failed succeeds now."""
    done = simulate("--failed", "--seeds", str(newest))
    kept = min(newest, len(failed_schedules()))

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{kept} seeds from \d+: 0 failed$", done.stdout, re.MULTILINE)


@pytest.mark.timeout(300)
def test_a_seed_is_the_same_run_each_time() -> None:
    """Its log is the same byte for byte, in another process with other addresses in memory."""
    # The outcomes of two processes would be printed in the order of their ends.
    arguments = ("--from", "3", "--seeds", "1", "--processes", "1", "--log")
    first, second = (simulate(*arguments) for _ in range(2))

    assert len(first.stdout.splitlines()) > 250
    assert first.stdout == second.stdout


@pytest.mark.timeout(300)
def test_a_rare_state_that_no_run_reaches_is_named() -> None:
    """A command that must reach all of them then fails."""
    done = simulate("--seeds", "1", "--all-probes")

    assert re.search(r"^never reached: .*\bpoison record\b", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("1 seeds from 1: 0 failed\n")
    assert done.returncode == 1


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_planted_faults_are_found() -> None:
    """Without each of these rules, one of the first seeds fails."""
    planted = [argument for name in PLANTED for argument in ("--planted", name)]

    done = simulate(*planted, "--seeds", "40")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^([\w-]+): found after", done.stdout, re.MULTILINE) == [*PLANTED]


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("rule", "sequence", "seeds"),
    [
        # The absence of this rule shows in one of four runs.
        ("shown-without-lease", "cut_off", 16),
        # One of five.
        ("short-log", "lost_records", 24),
        # Nearly all.
        ("diverged", "refilled_log", 8),
        # One of nine.
        ("stopped-producer", "gateway_cut_off", 40),
        # One of two.
        ("failed-producer", "gateway_cut_off", 12),
        # One of eight.
        ("seek-to-commit", "rebalances", 30),
        # One of five.
        ("lease-from-assignment", "paused_at_assignment", 40),
        # One of five.
        ("any-answer", "late_answer", 30),
    ],
)
def test_a_sequence_needs_its_rule(rule: str, sequence: str, seeds: int) -> None:
    """Without the rule a run of the sequence fails; with it the same run succeeds."""
    alone = ("--processes", "1", "--sequence", sequence)
    found = simulate(*alone, "--planted", rule, "--seeds", str(seeds)).stdout

    seed = re.search(r"by seed (\d+): ", found)
    assert seed is not None, found
    right = simulate(*alone, "--from", seed[1], "--seeds", "1").stdout
    assert right.endswith("1 seeds from " + seed[1] + ": 0 failed\n"), right


def test_a_schedule_is_kept_as_it_was() -> None:
    """A failing run prints the line to add: read again, it is the same plan."""
    for plan in failed_schedules():
        line = schedule_line(plan.seed, plan.faults or (), snapshots=plan.has_snapshots)
        assert plan_of(line) == plan


def fault(number: int) -> Fault:
    """Return a fault identified by its number."""
    return Fault(FaultKind.KILL, at=number, target=0, lasts=0, steps=0, number=number)


def test_the_shortest_schedule_has_only_what_the_failure_needs() -> None:
    """Two faults of twenty together make the run fail."""
    plan, needed = Plan(1), {fault(3), fault(17)}
    carried_out = []

    def carry_out(fewer: Plan) -> Outcome:
        assert fewer.faults is not None
        carried_out.append(fewer)
        fails = needed <= {*fewer.faults}
        return Outcome(1, fewer.faults, problems=["wrong"] if fails else [])

    failed = Outcome(1, tuple(fault(number) for number in range(20)), problems=["wrong"])

    assert {*shortest(plan, failed, carry_out).faults} == needed
    assert len(carried_out) < 60


#: Run in a separate process, because the replacements cannot be undone.
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
