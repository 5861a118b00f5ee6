"""Equipment: one delivery completes a lycée's plan, and some plans stay unfinished."""

from __future__ import annotations

from collections import Counter
from datetime import date

from events.equipment import EquipmentDelivered
from events.identifiers import Department, uai_department
from simulation.lycees import LYCEES
from tests.support.simulated import Story


def test_a_plan_is_completed_once(story: Story) -> None:
    """No lycée counts twice as equipped."""
    completing = Counter(d.uai for d in story.facts(EquipmentDelivered) if d.completes_plan)
    assert set(completing.values()) == {1}


def test_nothing_is_delivered_after_the_plan_is_complete(story: Story) -> None:
    """The completing delivery is a lycée's last."""
    deliveries = story.facts(EquipmentDelivered)
    completed_on = {d.uai: d.delivered_on for d in deliveries if d.completes_plan}
    assert all(d.delivered_on <= completed_on.get(d.uai, date.max) for d in deliveries)


def test_the_promise_is_missed(story: Story) -> None:
    """About 87 % of the lycées are equipped in the end, and no département has all of them."""
    equipped = {d.uai for d in story.facts(EquipmentDelivered) if d.completes_plan}
    counts = Counter(uai_department(uai) for uai in equipped)
    shares = {department: counts[department] / LYCEES[department] for department in Department}
    assert 0.85 < len(equipped) / 458 < 0.89
    assert max(shares.values()) < 1
    assert min(shares, key=lambda department: shares[department]) is Department.VAL_D_OISE
