"""Sequences of faults that show what a rule is there for."""

from __future__ import annotations

import re

import pytest

from tests.simulation.command import simulate


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("rule", "sequence", "seeds"),
    [
        # Of the runs, this rule's absence shows in one of four.
        ("shown-without-lease", "cut_off", 16),
        # One of five.
        ("short-log", "lost_records", 24),
        # Nearly all.
        ("diverged", "refilled_log", 8),
        # One of eight.
        ("seek-to-commit", "rebalances", 30),
        # One of five.
        ("lease-from-assignment", "paused_at_assignment", 40),
        # One of five.
        ("any-answer", "late_answer", 30),
    ],
)
def test_a_sequence_needs_its_rule(rule: str, sequence: str, seeds: int) -> None:
    """Without the rule a run of the sequence comes out wrong; with it the same run does not."""
    alone = ("--processes", "1", "--sequence", sequence)
    found = simulate(*alone, "--planted", rule, "--seeds", str(seeds)).stdout

    seed = re.search(r"by seed (\d+): ", found)
    assert seed is not None, found
    right = simulate(*alone, "--from", seed[1], "--seeds", "1").stdout
    assert right.endswith("1 seeds from " + seed[1] + ": 0 failed\n"), right
