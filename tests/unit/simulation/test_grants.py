"""Grants: the training calls commit 6 862 000 euros, and pay no more than they committed."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from events.grant import GrantCall, GrantCommitted, GrantPaid
from tests.support.simulated import Story

TRAINING_CALLS = {GrantCall.DIGITAL_VOCATIONAL_TRAINING, GrantCall.SECOND_DIGITAL_CHANCE}


def committed(story: Story, as_of: date) -> int:
    """Cents committed by the training calls up to a day."""
    grants = story.latest(GrantCommitted, as_of).values()
    return sum(grant.amount_cents for grant in grants if grant.call in TRAINING_CALLS)


def test_the_training_calls_commit_more_than_their_budget(story: Story) -> None:
    """The promise was more than 6.5 million euros; it is kept in 2020."""
    assert committed(story, date(2020, 12, 31)) == 6_862_000_00
    assert committed(story, date(2019, 12, 31)) < 6_500_000_00


def test_a_grant_is_paid_in_instalments_and_never_beyond_its_amount(story: Story) -> None:
    """Up to three payments, whose sum is the grant's amount once there are three."""
    paid: dict[str, list[int]] = defaultdict(list)
    for payment in story.facts(GrantPaid):
        paid[payment.grant_id].append(payment.amount_cents)
    amounts = {key: grant.amount_cents for key, grant in story.latest(GrantCommitted).items()}
    assert {len(parts) for parts in paid.values()} == {1, 2, 3}
    assert all(
        sum(parts) == amounts[key] if len(parts) == 3 else sum(parts) < amounts[key]
        for key, parts in paid.items()
    )
