"""Fibre: Arcep's observatory counts it each quarter, by département and for the region."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Final

from events.observation import IndicatorObserved, Territory
from simulation.broadband import FIRST_QUARTER, LAST_QUARTER
from simulation.chance import days_after
from simulation.curve import Curve
from simulation.departments import department_figures
from simulation.emitter import Emitter
from simulation.period import quarter_ends
from simulation.world import World

FIBRE: Final = "ARCEP-FTTH-RACCORDABLES"

FIBRE_SHARE: Final = Curve(((FIRST_QUARTER, 0.7), (LAST_QUARTER, 0.95)))
"""Of the premises with very high speed, those in fibre: cable and copper give it to the others.

An assumption. The simulated very high speed is already calibrated on Arcep's real fibre, the only
public count of those years, so that the simulated fibre is below the real one.
"""

PUBLISHED_AFTER_DAYS: Final = (25, 40)


def simulate_fibre(_: World, chance: Random, emitter: Emitter) -> None:
    """Emit, quarter by quarter, the premises that can have fibre."""
    for quarter in quarter_ends(FIRST_QUARTER, LAST_QUARTER):
        published = days_after(chance, quarter, *PUBLISHED_AFTER_DAYS)
        share = FIBRE_SHARE.on(quarter)
        counts = {
            Territory.of(department.value): round(figures.connectable.on(quarter) * share)
            for department, figures in department_figures().items()
        }
        counts[Territory.REGION] = sum(counts.values())
        for territory, count in counts.items():
            observed = IndicatorObserved(
                indicator=FIBRE, territory=territory, observed_on=quarter, value=Decimal(count)
            )
            emitter.send(observed, published)
