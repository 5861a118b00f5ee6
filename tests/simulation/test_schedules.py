"""Sequences of faults that show what a rule is there for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def simulate(*arguments: str) -> str:
    """Run the command; return what it prints."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--processes", "1", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    ).stdout


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("rule", "sequence", "seeds"),
    [
        # Of the runs, this rule's absence shows in two of three.
        ("no-late-watch", "late_write", 6),
        # One of two.
        ("early-end", "early_end", 12),
        # One of three.
        ("no-fence", "paused_writers", 16),
        # One of five.
        ("any-answer", "late_answer", 30),
    ],
)
def test_a_sequence_needs_its_rule(rule: str, sequence: str, seeds: int) -> None:
    """Without the rule a run of the sequence comes out wrong; with it the same run does not."""
    found = simulate("--planted", rule, "--sequence", sequence, "--seeds", str(seeds))

    seed = re.search(r"by seed (\d+): ", found)
    assert seed is not None, found
    right = simulate("--sequence", sequence, "--from", seed[1], "--seeds", "1")
    assert right.endswith("1 seeds from " + seed[1] + ": 0 failed\n"), right
