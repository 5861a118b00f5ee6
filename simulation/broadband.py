"""Broadband: quarterly coverage by commune; Seine-et-Marne slips, Paris attains and loses 100 %."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random

from events.broadband import BroadbandCoverageReported
from events.identifiers import Department
from simulation.chance import days_after, split
from simulation.curve import Curve
from simulation.emitter import Emitter
from simulation.period import quarter_ends
from simulation.territory import Commune
from simulation.world import World

FIRST_QUARTER = date(2015, 12, 31)
LAST_QUARTER = date(2020, 9, 30)
"""A quarter is published some weeks after its end: this is the last one of the simulated years."""

T3_2017 = date(2017, 9, 30)
T1_2018 = date(2018, 3, 31)
T3_2018 = date(2018, 9, 30)
T1_2019 = date(2019, 3, 31)

RECOUNT = date(2019, 6, 30)
"""Operators' surveys find premises of Paris that were not counted before: 100 % becomes 96 %."""


def _thousands(points: Mapping[date, int]) -> Curve:
    return Curve(tuple((day, thousands * 1000) for day, thousands in points.items()))


def _growing(first: int, last: int) -> Curve:
    """Return the curve from the first to the last quarter, in thousands of premises."""
    return _thousands({FIRST_QUARTER: first, LAST_QUARTER: last})


def _rolled_out(first: int, t3_2017: int, t1_2018: int, last: int) -> Curve:
    """Return the curve through four quarters, in thousands of premises."""
    quarters = (FIRST_QUARTER, T3_2017, T1_2018, LAST_QUARTER)
    return _thousands(dict(zip(quarters, (first, t3_2017, t1_2018, last), strict=True)))


PREMISES: Mapping[Department, Curve] = {
    Department.PARIS: _thousands(
        {
            FIRST_QUARTER: 1452,
            T3_2017: 1490,
            T1_2018: 1497,
            T3_2018: 1500,
            T1_2019: 1504,
            RECOUNT: 1565,
            LAST_QUARTER: 1572,
        }
    ),
    Department.SEINE_ET_MARNE: _growing(620, 665),
    Department.YVELINES: _growing(620, 660),
    Department.ESSONNE: _growing(555, 595),
    Department.HAUTS_DE_SEINE: _growing(850, 905),
    Department.SEINE_SAINT_DENIS: _growing(660, 715),
    Department.VAL_DE_MARNE: _growing(630, 685),
    Department.VAL_D_OISE: _growing(520, 560),
}
"""Premises of a département: orders of magnitude, growing with operators' surveys."""

# At T3_2017 and T1_2018: fibre, of Arcep's quarterly observatory, summed by département. Very high
# speed was more by then: nobody published by how much.
CONNECTABLE: Mapping[Department, Curve] = {
    Department.PARIS: _thousands(
        {
            FIRST_QUARTER: 1260,
            T3_2017: 1457,
            T1_2018: 1484,
            T3_2018: 1500,
            T1_2019: 1504,
            RECOUNT: 1504,
            LAST_QUARTER: 1512,
        }
    ),
    Department.SEINE_ET_MARNE: _thousands(
        {FIRST_QUARTER: 60, T3_2017: 143, T1_2018: 195, T1_2019: 290, LAST_QUARTER: 440}
    ),
    Department.YVELINES: _rolled_out(120, 256, 309, 594),
    Department.ESSONNE: _rolled_out(95, 201, 234, 530),
    Department.HAUTS_DE_SEINE: _rolled_out(540, 705, 756, 878),
    Department.SEINE_SAINT_DENIS: _rolled_out(150, 294, 345, 640),
    Department.VAL_DE_MARNE: _rolled_out(170, 308, 344, 622),
    Department.VAL_D_OISE: _rolled_out(110, 220, 252, 476),
}
"""Premises that can be connected."""

WORKS = 0.4
"""How much of a département's roll-out goes by between a commune's first premises and its last."""

BISECTIONS = 30

PUBLISHED_AFTER_DAYS = (12, 35)

SILENT = Department.ESSONNE
SILENT_FROM = date(2019, 4, 1)
SILENT_UNTIL = date(2019, 9, 2)
"""Essonne sends nothing for two quarters, then both: not reported is not the same as missed."""

CORRECTED_SHARE = 0.006
RETRACTED_SHARE = 0.0006
UNDERSTATED = 0.9


def simulate_broadband(world: World, chance: Random, emitter: Emitter) -> None:
    """Emit, quarter by quarter, the premises of each commune and those that can be connected."""
    for department in Department:
        for quarter in quarter_ends(FIRST_QUARTER, LAST_QUARTER):
            for report in _reports(world.territory[department], department, quarter):
                _publish(report, department, chance, emitter)


def _reports(
    communes: Sequence[Commune], department: Department, quarter: date
) -> Iterator[BroadbandCoverageReported]:
    total = round(PREMISES[department].on(quarter))
    premises = split(total, [commune.size for commune in communes])
    shares = _shares(communes, premises, CONNECTABLE[department].on(quarter))
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
    published = days_after(chance, report.as_of, *PUBLISHED_AFTER_DAYS)
    fate = chance.random()
    if department is Department.PARIS:
        # One system, always right and in time: what Paris attains and loses is no artefact.
        emitter.send(report, published, punctual=True)
    elif department is SILENT and SILENT_FROM <= published < SILENT_UNTIL:
        emitter.send_late(report, days_after(chance, SILENT_UNTIL, 0, 10))
    elif fate < CORRECTED_SHARE and report.connectable_premises:
        understated = int(report.connectable_premises * UNDERSTATED)
        wrong = report.model_copy(update={"connectable_premises": understated})
        emitter.correct(wrong, report, published)
    else:
        emitter.send(report, published)
    if fate > 1 - RETRACTED_SHARE:
        # A forecast, published as if it were a survey.
        forecast = {
            "as_of": report.as_of + timedelta(days=1),
            "connectable_premises": report.premises,
        }
        emitter.retract(report.model_copy(update=forecast), published)
