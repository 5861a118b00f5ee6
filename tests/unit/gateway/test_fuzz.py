"""A short run of `make fuzz`, the same each time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from events import strict_json
from tests.fuzz import targets
from tests.fuzz.__main__ import main
from tests.fuzz.targets import TARGETS, Target, fuzz

EXAMPLES = 60


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_gateways_readers_hold(target: Target) -> None:
    """Whatever they are given; `make fuzz` throws more at them."""
    fuzz(target, examples=EXAMPLES, seeded=0)


def test_a_seed_draws_the_same_again() -> None:
    """What failed once can be looked at."""
    drawn: list[list[str]] = []
    for seeded in (1, 1, 2):
        seen: list[str] = []
        noted = replace(TARGETS[1], check=seen.append)
        fuzz(noted, examples=20, seeded=seeded)
        drawn.append(seen)

    assert drawn[0] == drawn[1] != drawn[2]


def test_a_wrong_parser_is_found_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the example, and how to have it again."""
    # Python's reader takes what RFC 8259 does not have.
    monkeypatch.setattr(
        targets,
        "read_value",
        lambda text: strict_json.JsonText(text, json.loads(text)),
    )

    done = CliRunner().invoke(main, ["--only", "json", "--examples", "400", "--seed", "3"])

    assert done.exit_code == 1
    assert "failed; again: --only json --examples 400 --seed 3" in done.output
    assert "example=" in done.output
