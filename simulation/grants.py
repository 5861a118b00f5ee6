"""Grants: two training calls commit more than their budget and pay it in instalments."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from events.grant import GrantCommitted, GrantPaid
from simulation.chance import day_between, days_after, one_of, split
from simulation.emitter import Emitter
from simulation.figures import figures_by_department, region_figures
from simulation.times import working_day
from simulation.world import World


def simulate_grants(_world: World, chance: Random, emitter: Emitter) -> None:
    """Emit every grant's commitment and payments."""
    region = region_figures()
    departments = {department: one.grants for department, one in figures_by_department().items()}
    for call, terms in region.calls.items():
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
                emitter.send(payment, emitter.recorded(chance, payment.paid_on))


def _commit(grant: GrantCommitted, chance: Random, emitter: Emitter) -> None:
    # Euros taken for cents.
    recorded = emitter.report(grant, chance, {"amount_cents": grant.amount_cents // 100})
    if recorded is not None:
        # The beneficiary gave it up, and the vote was cancelled.
        given_up = {"grant_id": f"{grant.grant_id}-x", "siret": _siret(chance)}
        emitter.retract(grant.model_copy(update=given_up), recorded)


def _payments(grant: GrantCommitted, chance: Random) -> Iterator[GrantPaid]:
    instalments = region_figures().instalments
    parts = split(grant.amount_cents, [share for share, _ in instalments])
    for part, (_, days) in zip(parts, instalments, strict=True):
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
