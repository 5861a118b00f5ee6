"""Broadband: quarterly coverage by commune; Seine-et-Marne slips, Paris attains and loses 100 %.

Arcep's observatory counts fibre each quarter, by département and for the region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from events.broadband import BroadbandCoverageReported
from events.identifiers import Department
from events.observation import IndicatorObserved, Territory
from simulation.chance import days_after, split
from simulation.emitter import Emitter
from simulation.figures import figures_by_department, has_role, region_figures
from simulation.times import quarter_ends
from simulation.world import Commune, World

FIRST_QUARTER = date(2015, 12, 31)
LAST_QUARTER = date(2020, 9, 30)
"""A quarter is published some weeks after its end: this is the last one of the simulated years."""

PUNCTUAL = "75"

WORKS = 0.4
"""How much of a département's roll-out goes by between a commune's first premises and its last."""

BISECTIONS = 30

SILENT = "91"
SILENT_FROM = date(2019, 4, 1)
SILENT_UNTIL = date(2019, 9, 2)
"""Essonne sends nothing for two quarters, then both: not reported is not the same as missed."""

CORRECTED_SHARE = 0.006
RETRACTED_SHARE = 0.0006
UNDERSTATED = 0.9


FIBRE = "ARCEP-FTTH-RACCORDABLES"


def simulate_broadband(world: World, chance: Random, emitter: Emitter) -> None:
    """Emit, quarter by quarter, the premises of each commune and those that can be connected."""
    for department in Department:
        for quarter in quarter_ends(FIRST_QUARTER, LAST_QUARTER):
            for report in _reports(world.territory[department], department, quarter):
                _publish(report, department, chance, emitter)


def _reports(
    communes: Sequence[Commune], department: Department, quarter: date
) -> Iterator[BroadbandCoverageReported]:
    figures = figures_by_department()[department]
    total = round(figures.premises.on(quarter))
    premises = split(total, [commune.size for commune in communes])
    shares = _shares(communes, premises, figures.connectable.on(quarter))
    for commune, existing, share in zip(communes, premises, shares, strict=True):
        yield BroadbandCoverageReported(
            insee=commune.insee,
            as_of=quarter,
            premises=existing,
            connectable_premises=round(existing * share),
        )


def _shares(
    communes: Sequence[Commune], premises: Sequence[int], connectable: float
) -> list[float]:
    """Return each commune's connectable share; together they are the département's connectable.

    A commune's works begin at its turn, so that some are complete while others have not begun;
    how far the whole roll-out has come is found by bisection.
    """
    begun, ended = 0.0, 1.0
    if connectable >= sum(premises):
        begun = ended
    for _ in range(BISECTIONS):
        middle = (begun + ended) / 2
        wired = sum(
            existing * _share(commune.turn, middle)
            for commune, existing in zip(communes, premises, strict=True)
        )
        begun, ended = (middle, ended) if wired < connectable else (begun, middle)
    return [_share(commune.turn, ended) for commune in communes]


def _share(turn: float, progress: float) -> float:
    return min(1.0, max(0.0, (progress - turn * (1 - WORKS)) / WORKS))


def _publish(
    report: BroadbandCoverageReported, department: Department, chance: Random, emitter: Emitter
) -> None:
    published = emitter.recorded(chance, report.as_of)
    fate = chance.random()
    if has_role(department, PUNCTUAL):
        # One system, always right and in time: what Paris attains and loses is no artefact.
        emitter.send(report, published, punctual=True)
    elif has_role(department, SILENT) and SILENT_FROM <= published < SILENT_UNTIL:
        emitter.send_late(report, days_after(chance, SILENT_UNTIL, 0, 10))
    elif fate < CORRECTED_SHARE and report.connectable_premises:
        understated = int(report.connectable_premises * UNDERSTATED)
        emitter.send(report, published, wrongly={"connectable_premises": understated})
    else:
        emitter.send(report, published)
    if fate > 1 - RETRACTED_SHARE:
        # A forecast, published as if it were a survey.
        forecast = {
            "as_of": report.as_of + timedelta(days=1),
            "connectable_premises": report.premises,
        }
        emitter.retract(report.model_copy(update=forecast), published)


def simulate_fibre(_: World, chance: Random, emitter: Emitter) -> None:
    """Emit, quarter by quarter, the premises that can have fibre."""
    region = region_figures()
    for quarter in quarter_ends(FIRST_QUARTER, LAST_QUARTER):
        published = emitter.recorded(chance, quarter)
        share = region.curves.fibre.on(quarter)
        counts = {
            Territory.of(department.value): round(figures.connectable.on(quarter) * share)
            for department, figures in figures_by_department().items()
        }
        counts[Territory.REGION] = sum(counts.values())
        for territory, count in counts.items():
            observed = IndicatorObserved(
                indicator=FIBRE, territory=territory, observed_on=quarter, value=Decimal(count)
            )
            emitter.send(observed, published)
