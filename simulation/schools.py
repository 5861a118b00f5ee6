"""Lycées: connected département by département, with outages, and Val-d'Oise behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random

from events.identifiers import Department
from events.school import (
    DisconnectionReason,
    SchoolClosed,
    SchoolConnected,
    SchoolDisconnected,
    SchoolRegistered,
    SchoolWorkspaceActivated,
)
from simulation.chance import day_between, days_after, one_of
from simulation.emitter import Emitter
from simulation.figures import figures_by_department, has_role
from simulation.times import FIRST_DAY, Curve, working_day
from simulation.world import Lycee, World

SCHOOL_YEAR_2015 = date(2015, 9, 1)

WITH_WORKSPACE = Curve.yearly(0.30, 0.55, 0.80, 0.94, 1.0)
"""Share with an active digital workspace (ENT): everywhere by the end of 2019, a promise kept."""

DOWNLINKS_MBPS = {100: 0.10, 300: 0.25, 500: 0.25, 1000: 0.35, 10000: 0.05}

OUTAGES = 110
OUTAGES_END = date(2020, 11, 30)
OUTAGE_REASONS = {DisconnectionReason.FAULT: 0.8, DisconnectionReason.WORKS: 0.2}
OUTAGE_DAYS = {DisconnectionReason.FAULT: (1, 12), DisconnectionReason.WORKS: (20, 60)}

LOST_AGAIN = "93"
LOST_AGAIN_ON = date(2020, 11, 23)
"""Complete since 2019, then one lycée goes off line for works until after the last day."""


def simulate_schools(world: World, chance: Random, emitter: Emitter) -> None:
    """Emit every lycée's registration, connection, outages, digital workspace and closure."""
    for lycee in world.lycees:
        _register(lycee, emitter)
    figures = figures_by_department().items()
    shares = {department: one.connected for department, one in figures}
    connected = list(in_order_of(shares, world, chance))
    for lycee, day in connected:
        _connect(lycee, day, chance, emitter)
    _interrupt(connected, chance, emitter)
    for lycee, day in in_order_of(dict.fromkeys(Department, WITH_WORKSPACE), world, chance):
        fact = SchoolWorkspaceActivated(uai=lycee.uai, activated_on=day)
        emitter.send(fact, emitter.recorded(chance, day))


def in_order_of(
    shares: Mapping[Department, Curve], world: World, chance: Random
) -> Iterator[tuple[Lycee, date]]:
    """Yield lycées in random order, each with the working day on which its curve reaches it.

    Those that the curve never reaches, or only after their closure, are left out.
    """
    for department in Department:
        lycees = [lycee for lycee in world.lycees if lycee.department is department]
        chance.shuffle(lycees)
        for rank, lycee in enumerate(lycees):
            reached = shares[department].day_reaching((rank + 0.5) / len(lycees))
            if reached is None:
                continue
            day = working_day(reached - timedelta(days=chance.randint(0, 11)))
            if lycee.closes_on is None or day < lycee.closes_on:
                yield lycee, day


def _register(lycee: Lycee, emitter: Emitter) -> None:
    registered = SchoolRegistered(
        uai=lycee.uai,
        registered_on=SCHOOL_YEAR_2015,
        name=lycee.name,
        kind=lycee.kind,
        commune=lycee.commune,
        position=lycee.position,
    )
    emitter.send(registered, FIRST_DAY, punctual=True)
    if lycee.closes_on is not None:
        closed = SchoolClosed(uai=lycee.uai, closed_on=lycee.closes_on)
        emitter.send(closed, lycee.closes_on, punctual=True)


def _connect(lycee: Lycee, day: date, chance: Random, emitter: Emitter) -> None:
    connected = _connection(lycee, day, chance)
    wrongly = {"downlink_mbps": connected.downlink_mbps * 10}
    if emitter.report(connected, chance, wrongly) is not None:
        # Announced when the works began, months before there was a link.
        early = day - timedelta(days=chance.randint(60, 120))
        emitter.retract(connected.model_copy(update={"connected_on": early}), early)


def _interrupt(connected: list[tuple[Lycee, date]], chance: Random, emitter: Emitter) -> None:
    losing = (lycee for lycee, _ in connected if has_role(lycee.department, LOST_AGAIN))
    lost = next(losing, None)
    candidates = [
        (lycee, day)
        for lycee, day in connected
        if lycee is not lost and lycee.closes_on is None and day < date(2020, 6, 1)
    ]
    for lycee, since in chance.sample(candidates, min(OUTAGES, len(candidates))):
        reason = one_of(chance, OUTAGE_REASONS)
        fewest, most = OUTAGE_DAYS[reason]
        begins = day_between(
            chance, max(since, FIRST_DAY) + timedelta(days=1), OUTAGES_END - timedelta(days=most)
        )
        ends = days_after(chance, begins, fewest, most)
        disconnected = SchoolDisconnected(uai=lycee.uai, disconnected_on=begins, reason=reason)
        emitter.send(disconnected, begins)
        emitter.send(_connection(lycee, ends, chance), ends)
    if lost is not None:
        works = SchoolDisconnected(
            uai=lost.uai, disconnected_on=LOST_AGAIN_ON, reason=DisconnectionReason.WORKS
        )
        emitter.send(works, LOST_AGAIN_ON, punctual=True)


def _connection(lycee: Lycee, day: date, chance: Random) -> SchoolConnected:
    downlink = one_of(chance, DOWNLINKS_MBPS)
    return SchoolConnected(uai=lycee.uai, connected_on=day, downlink_mbps=downlink)
