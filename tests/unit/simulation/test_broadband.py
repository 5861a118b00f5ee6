"""Broadband: all territories report each quarter; Paris wins and loses, Seine-et-Marne slips."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from events.broadband import BroadbandCoverageReported
from events.identifiers import Department, commune_department
from simulation.broadband import FIRST_QUARTER, LAST_QUARTER, RECOUNT
from simulation.period import quarter_ends
from tests.support.simulated import Story

QUARTERS = list(quarter_ends(FIRST_QUARTER, LAST_QUARTER))


def totals(story: Story, quarter: date, department: Department | None = None) -> tuple[int, int]:
    """Premises and connectable premises reported for a quarter, of the region by default."""
    reports = [
        fact
        for fact in story.known
        if isinstance(fact, BroadbandCoverageReported)
        and fact.as_of == quarter
        and department in {None, commune_department(fact.insee)}
    ]
    return (
        sum(report.premises for report in reports),
        sum(report.connectable_premises for report in reports),
    )


def coverage(story: Story, quarter: date, department: Department | None = None) -> float:
    """Connectable share of the premises reported for a quarter."""
    premises, connectable = totals(story, quarter, department)
    return connectable / premises


def test_every_territory_reports_each_of_twenty_quarters(story: Story) -> None:
    """1 287 communes and arrondissements, and nothing is known of any other day."""
    reports = story.facts(BroadbandCoverageReported)
    assert Counter(report.as_of for report in reports) == dict.fromkeys(QUARTERS, 1287)


def test_paris_is_counted_once(story: Story) -> None:
    """Paris as a whole has no premises beside those of its arrondissements."""
    reports = [r for r in story.facts(BroadbandCoverageReported) if r.insee == "75056"]
    assert {report.premises for report in reports} == {0}


@pytest.mark.parametrize(
    ("department", "t3_2017", "t1_2018"),
    [
        (Department.PARIS, 1457, 1484),
        (Department.SEINE_ET_MARNE, 143, 195),
        (Department.YVELINES, 256, 309),
        (Department.ESSONNE, 201, 234),
        (Department.HAUTS_DE_SEINE, 705, 756),
        (Department.SEINE_SAINT_DENIS, 294, 345),
        (Department.VAL_DE_MARNE, 308, 344),
        (Department.VAL_D_OISE, 220, 252),
    ],
)
def test_connectable_premises_are_those_that_arcep_counted(
    story: Story, department: Department, t3_2017: int, t1_2018: int
) -> None:
    """Thousands by département (Arcep, quarterly observatory), to half a thousand."""
    assert totals(story, date(2017, 9, 30), department)[1] / 1000 == pytest.approx(t3_2017, abs=0.5)
    assert totals(story, date(2018, 3, 31), department)[1] / 1000 == pytest.approx(t1_2018, abs=0.5)


def test_paris_attains_the_target_and_loses_it(story: Story) -> None:
    """100 % for three quarters, then 96 % from the recount of premises on."""
    shares = {quarter: coverage(story, quarter, Department.PARIS) for quarter in QUARTERS}
    complete = [quarter for quarter, share in shares.items() if share == 1]
    assert complete == [date(2018, 9, 30), date(2018, 12, 31), date(2019, 3, 31)]
    assert all(0.96 <= shares[quarter] < 0.965 for quarter in QUARTERS if quarter >= RECOUNT)


def test_the_recount_finds_premises_and_loses_no_connection(story: Story) -> None:
    """What falls is the rate, not the number of connectable premises."""
    before = totals(story, date(2019, 3, 31), Department.PARIS)
    after = totals(story, RECOUNT, Department.PARIS)
    assert after[0] > before[0] + 50_000
    assert after[1] == pytest.approx(before[1], abs=100)


def test_seine_et_marne_slips(story: Story) -> None:
    """Two thirds at the end where the region is near nine tenths."""
    assert coverage(story, LAST_QUARTER, Department.SEINE_ET_MARNE) == pytest.approx(0.66, abs=0.01)
    assert coverage(story, LAST_QUARTER) == pytest.approx(0.895, abs=0.005)


def test_a_commune_may_be_complete_while_another_has_not_begun(story: Story) -> None:
    """The roll-out goes commune by commune."""
    reports = story.latest(BroadbandCoverageReported, date(2018, 3, 31)).values()
    shares = [
        report.connectable_premises / report.premises for report in reports if report.premises
    ]
    assert 1.0 in shares
    assert 0.0 in shares


def test_essonne_is_silent_for_two_quarters(story: Story) -> None:
    """Nothing of Essonne's first half of 2019 is recorded before September."""
    quarters = date(2019, 3, 31), date(2019, 6, 30)
    recorded = [
        event.time.date()
        for _, event in story.events
        if isinstance(event.fact, BroadbandCoverageReported)
        and event.fact.as_of in quarters
        and commune_department(event.fact.insee) is Department.ESSONNE
    ]
    assert min(recorded) == date(2019, 9, 2)
