"""Entities of the story: what happens to each in its order, and no more than once."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from events.equipment import EquipmentDelivered
from events.grant import GrantCommitted, GrantPaid
from events.identifiers import Department
from events.school import (
    SchoolConnected,
    SchoolDisconnected,
)
from events.training import TrainingAbandoned, TrainingCompleted, TrainingEnrolled
from events.workstation import WorkstationUsageReported
from tests.support.simulated import Story


def test_a_lycee_is_cut_only_while_connected(story: Story) -> None:
    connected_on: dict[str, list[date]] = {}
    for fact in story.facts(SchoolConnected):
        connected_on.setdefault(fact.uai, []).append(fact.connected_on)
    outages = story.facts(SchoolDisconnected)
    assert all(min(connected_on[cut.uai]) < cut.disconnected_on for cut in outages)
    unended = [cut for cut in outages if max(connected_on[cut.uai]) <= cut.disconnected_on]
    assert [cut.disconnected_on for cut in unended] == [date(2020, 11, 23)]


def test_nothing_is_delivered_after_the_plan_is_complete(story: Story) -> None:
    deliveries = story.facts(EquipmentDelivered)
    completed_on = {d.uai: d.delivered_on for d in deliveries if d.completes_plan}
    assert all(d.delivered_on <= completed_on.get(d.uai, date.max) for d in deliveries)


def test_a_grant_is_paid_in_instalments_and_never_beyond_its_amount(story: Story) -> None:
    paid: dict[str, list[int]] = defaultdict(list)
    for payment in story.facts(GrantPaid):
        paid[payment.grant_id].append(payment.amount_cents)
    amounts = {key: grant.amount_cents for key, grant in story.latest(GrantCommitted).items()}
    assert {len(parts) for parts in paid.values()} == {1, 2, 3}
    assert all(
        sum(parts) == amounts[key] if len(parts) == 3 else sum(parts) < amounts[key]
        for key, parts in paid.items()
    )


def test_an_enrolment_ends_once_and_after_it_began(story: Story) -> None:
    enrolled = story.latest(TrainingEnrolled)
    completed = story.latest(TrainingCompleted)
    abandoned = story.latest(TrainingAbandoned)
    assert not completed.keys() & abandoned.keys()
    ends = {**completed, **abandoned}
    assert all(enrolled[key].enrolled_on < end.effective_day for key, end in ends.items())


def test_every_site_reports_until_november_2020_but_those_of_val_d_oise(story: Story) -> None:
    latest = story.latest(WorkstationUsageReported).values()
    last_month: dict[str, date] = {}
    for report in sorted(latest, key=lambda report: report.period_start):
        last_month[report.site_id] = report.period_start
    silent = {r.site_id for r in latest if r.department is Department("95")}
    assert len(last_month) == 41
    assert {last_month[site] for site in silent} == {date(2020, 6, 1)}
    assert {last_month[site] for site in last_month.keys() - silent} == {date(2020, 11, 1)}
