"""Equipment: deliveries to the lycées, the last of which completes their plan, or never comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from random import Random

from events.equipment import EquipmentDelivered
from simulation.chance import day_between
from simulation.emitter import Emitter
from simulation.figures import figures_by_department, region_figures
from simulation.schools import in_order_of
from simulation.world import Lycee, World

EARLIER_DELIVERIES = (1, 4)
PLAN_DAYS = (10, 540)
"""How long before a plan's completion its other deliveries may come."""

UNFINISHED_DELIVERIES = (0, 3)
UNFINISHED_SINCE = date(2017, 1, 2)
UNFINISHED_UNTIL = date(2020, 11, 30)

CORRECTED_SHARE = 0.02
WRONGLY_COMPLETE_SHARE = 0.01
TWICE_SHARE = 0.01


def simulate_equipment(world: World, chance: Random, emitter: Emitter) -> None:
    """Emit the deliveries of each lycée's plan, and those of the plans that stay unfinished."""
    figures = figures_by_department().items()
    shares = {department: one.equipped for department, one in figures}
    completed_on = dict(in_order_of(shares, world, chance))
    numbers = count(1)
    for lycee in world.lycees:
        for day, completes in _delivery_days(lycee, completed_on.get(lycee), chance):
            delivery = _delivery(next(numbers), lycee, day, completes=completes, chance=chance)
            _send(delivery, chance, emitter)


def _delivery_days(
    lycee: Lycee, completed_on: date | None, chance: Random
) -> Iterator[tuple[date, bool]]:
    if completed_on is None:
        until = lycee.closes_on or UNFINISHED_UNTIL
        for _ in range(chance.randint(*UNFINISHED_DELIVERIES)):
            yield day_between(chance, UNFINISHED_SINCE, until), False
        return
    for _ in range(chance.randint(*EARLIER_DELIVERIES)):
        yield completed_on - timedelta(days=chance.randint(*PLAN_DAYS)), False
    yield completed_on, True


def _delivery(
    number: int, lycee: Lycee, day: date, *, completes: bool, chance: Random
) -> EquipmentDelivered:
    quantities = region_figures().quantities
    kind = chance.choice(tuple(quantities))
    return EquipmentDelivered(
        delivery_id=f"delivery-{number:05d}",
        delivered_on=day,
        uai=lycee.uai,
        department=lycee.department,
        kind=kind,
        quantity=chance.randint(*quantities[kind]),
        completes_plan=completes,
    )


def _send(delivery: EquipmentDelivered, chance: Random, emitter: Emitter) -> None:
    recorded = emitter.recorded(chance, delivery.delivered_on)
    fate = chance.random()
    wrongly: dict[str, object] | None = None
    if fate < CORRECTED_SHARE:
        wrongly = {"quantity": delivery.quantity * 10}
    elif fate > 1 - WRONGLY_COMPLETE_SHARE and not delivery.completes_plan:
        wrongly = {"completes_plan": True}
    emitter.send(delivery, recorded, wrongly=wrongly)
    if chance.random() < TWICE_SHARE:
        # The same delivery, signed for a second time under a number of its own.
        twice = {"delivery_id": f"{delivery.delivery_id}-bis", "completes_plan": False}
        emitter.retract(delivery.model_copy(update=twice), recorded)
