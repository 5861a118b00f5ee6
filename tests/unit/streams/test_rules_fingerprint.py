"""The fingerprint of the rules by which records are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.dead_letters import RecordOrigin
from events.producers.model import load_producers
from events.record_rules import RULES, RecordRules
from streams.decisions import NOTHING_ACCEPTED, AcceptedLoss
from streams.rules_fingerprint import fingerprint_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
LOSS = AcceptedLoss(topic="smartregion.schools", partition=0, at=AT, because="the disk is gone")
PRODUCERS = load_producers()


def fingerprint(**changed: Any) -> str:
    usual = {
        "rules": RULES,
        "producers": PRODUCERS,
        "skipped": (),
        "accepted": NOTHING_ACCEPTED,
    }
    return fingerprint_of(**{**usual, **changed})


def test_is_the_same_for_the_same_rules() -> None:
    assert fingerprint() == fingerprint(producers=load_producers())


@pytest.mark.parametrize(
    "changed",
    [
        {"rules": RecordRules(tolerance=timedelta(days=3))},
        {"rules": RecordRules(milestones={"schools_connected": frozenset({"m"})})},
        {"producers": None},
        {"skipped": [RecordOrigin("smartregion.schools", 0, 1)]},
        {"accepted": {("smartregion.schools", 0): [LOSS]}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_changes_with_each_rule(changed: dict[str, Any]) -> None:
    """Each may leave a record without a dead letter, or without a forward."""
    assert fingerprint(**changed) != fingerprint()


def test_an_erasure_changes_no_rule() -> None:
    """It copies what it does not erase: nothing has to be written again."""
    erased = LOSS.model_copy(update={"verdict": "erased"})
    assert fingerprint(accepted={("smartregion.schools", 0): [erased]}) == fingerprint()
