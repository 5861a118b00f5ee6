"""Grants: two training calls commit more than their budget and pay it in instalments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from random import Random

from events.grant import GrantCall, GrantCommitted, GrantPaid
from simulation.chance import day_between, days_after, one_of, split
from simulation.emitter import Emitter
from simulation.figures import region_figures
from simulation.period import working_day
from simulation.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """How many grants a call gives, worth how many cents in all, voted between two days."""

    grants: int
    committed_cents: int
    opens: date
    closes: date


CALLS: Mapping[GrantCall, Call] = {
    GrantCall.DIGITAL_VOCATIONAL_TRAINING: Call(
        125, 3_412_500_00, date(2016, 6, 15), date(2019, 6, 28)
    ),
    GrantCall.SECOND_DIGITAL_CHANCE: Call(95, 3_449_500_00, date(2017, 3, 1), date(2020, 10, 30)),
    # For the supported sites; no part of the training budget.
    GrantCall.SHARED_WORKPLACES: Call(41, 2_870_000_00, date(2015, 3, 2), date(2019, 3, 29)),
}
"""The two training calls commit 6 862 000 euros: the promise was more than 6.5 million."""

INSTALMENTS: tuple[tuple[float, tuple[int, int]], ...] = (
    (0.3, (30, 75)),
    (0.4, (200, 330)),
    (0.3, (420, 640)),
)
"""Share of the grant, and how many days after its vote it is paid."""

RECORDED_AFTER_DAYS = (0, 12)
CORRECTED_SHARE = 0.03
RETRACTED_SHARE = 0.02


def simulate_grants(_world: World, chance: Random, emitter: Emitter) -> None:
    """Emit every grant's commitment and payments."""
    figures = region_figures().departments.items()
    departments = {department: one.grants for department, one in figures}
    for call, terms in CALLS.items():
        weights = [chance.uniform(0.3, 1.7) for _ in range(terms.grants)]
        amounts = split(terms.committed_cents, weights)
        for number, amount in enumerate(amounts, 1):
            grant = GrantCommitted(
                grant_id=f"{call.value}-{number:04d}",
                committed_on=working_day(day_between(chance, terms.opens, terms.closes)),
                call=call,
                siret=_siret(chance),
                amount_cents=amount,
                department=one_of(chance, departments),
            )
            _commit(grant, chance, emitter)
            for payment in _payments(grant, chance):
                emitter.send(payment, days_after(chance, payment.paid_on, *RECORDED_AFTER_DAYS))


def _commit(grant: GrantCommitted, chance: Random, emitter: Emitter) -> None:
    recorded = days_after(chance, grant.committed_on, *RECORDED_AFTER_DAYS)
    fate = chance.random()
    # Euros taken for cents.
    wrongly = {"amount_cents": grant.amount_cents // 100} if fate < CORRECTED_SHARE else None
    emitter.send(grant, recorded, wrongly=wrongly)
    if fate > 1 - RETRACTED_SHARE:
        # The beneficiary gave it up, and the vote was cancelled.
        given_up = {"grant_id": f"{grant.grant_id}-x", "siret": _siret(chance)}
        emitter.retract(grant.model_copy(update=given_up), recorded)


def _payments(grant: GrantCommitted, chance: Random) -> Iterator[GrantPaid]:
    parts = split(grant.amount_cents, [share for share, _ in INSTALMENTS])
    for part, (_, days) in zip(parts, INSTALMENTS, strict=True):
        yield GrantPaid(
            grant_id=grant.grant_id,
            paid_on=working_day(days_after(chance, grant.committed_on, *days)),
            call=grant.call,
            siret=grant.siret,
            amount_cents=part,
            department=grant.department,
        )


def _siret(chance: Random) -> str:
    """Return a SIREN (9 digits) and an establishment (5), each ending with a check digit."""
    siren = _with_check_digit(f"{chance.randrange(10**7, 10**8)}")
    return _with_check_digit(f"{siren}{chance.randrange(1, 100):04d}")


def _with_check_digit(digits: str) -> str:
    """Append the Luhn digit: from it leftwards, every second digit counts double, digits added."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-2]]
    single = [int(digit) for digit in digits[-2::-2]]
    return f"{digits}{-(sum(doubled) + sum(single)) % 10}"
