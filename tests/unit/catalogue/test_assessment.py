"""From readings to figures."""

from __future__ import annotations

import json
from datetime import date

from catalogue.assessment import Figure, Reading, assess, territories
from catalogue.loader import load_catalogue
from catalogue.model import Unit
from catalogue.progress import MilestoneStatus

CATALOGUE = load_catalogue()
AS_OF = date(2018, 7, 2)


def figure(
    indicator: str, reading: Reading, department: str | None = None, as_of: date = AS_OF
) -> Figure:
    """Give one figure from one reading."""
    figures = assess(CATALOGUE, {(indicator, department): reading}, as_of)
    return next(
        one for one in figures if (one.indicator, one.department) == (indicator, department)
    )


def test_each_indicator_has_a_figure_for_the_region_then_for_each_departement() -> None:
    """Figures come in the catalogue's order, nine for an indicator with départements."""
    places = [(one.indicator, one.department) for one in assess(CATALOGUE, {}, AS_OF)]
    assert places == [
        (indicator.id, department)
        for indicator in CATALOGUE.indicators
        for department in territories(indicator)
    ]


def test_an_indicator_without_departements_has_the_region_only() -> None:
    """A data set belongs to no département."""
    assert list(territories(CATALOGUE.indicator("datasets_released"))) == [None]


def test_a_ratio_is_a_fraction_of_one() -> None:
    """Half of the lycées are 0.5, and half of the way from nothing to all of them."""
    half = figure("schools_connected_ratio", Reading(229, 458, AS_OF))
    assert (half.value, half.target, half.progress_rate) == (0.5, 1, 50)


def test_a_ratio_over_nothing_is_blank() -> None:
    """No lycée registered: the share of those connected is unknown, not zero."""
    blank = figure("schools_connected_ratio", Reading(0, 0, AS_OF))
    assert (blank.value, blank.status) == (None, MilestoneStatus.UNREPORTED)


def test_euros_come_from_cents() -> None:
    """The worker adds up cents; the figure is in euros."""
    paid = figure("grants_paid_euros", Reading(123_456, last_reported=AS_OF))
    assert (paid.value, paid.unit, paid.numerator) == (1234.56, Unit.EUROS, 123_456)


def test_what_has_no_reading_is_unreported() -> None:
    """A figure that nobody sent is blank and says so."""
    (region, *_) = assess(CATALOGUE, {}, AS_OF)
    assert (region.value, region.numerator, region.status) == (
        None,
        None,
        MilestoneStatus.UNREPORTED,
    )


def test_an_indicator_without_target_has_no_status() -> None:
    """No promise, no verdict: only the value is given."""
    enrolled = figure("trainees_enrolled", Reading(12_000, last_reported=AS_OF))
    assert (enrolled.value, enrolled.target, enrolled.progress_rate, enrolled.status) == (
        12_000,
        None,
        None,
        None,
    )


def test_a_departement_is_held_to_a_milestone_of_its_scope() -> None:
    """Seine-et-Marne has its own status on what is promised to each département."""
    seine_et_marne = figure("premises_connectable_ratio", Reading(1, 4, AS_OF), "77")
    assert (seine_et_marne.target, seine_et_marne.status) == (1, MilestoneStatus.AT_RISK)


def test_a_departement_is_not_held_to_the_regions_total() -> None:
    """41 sites are promised to the region: a département with 4 of them misses nothing."""
    essonne = figure("coworking_sites_supported", Reading(4, last_reported=AS_OF), "91")
    assert (essonne.value, essonne.target, essonne.progress_rate, essonne.status) == (
        4,
        None,
        None,
        None,
    )


def test_a_target_to_keep_is_achieved_while_it_is_held() -> None:
    """41 sites of 41 are the promise kept, at 100 %."""
    kept = figure("coworking_sites_supported", Reading(41, last_reported=AS_OF))
    assert (kept.progress_rate, kept.status) == (100, MilestoneStatus.ACHIEVED)


def test_a_target_lost_again_is_no_longer_achieved() -> None:
    """Nothing is latched: 40 sites are a promise at risk, and missed once its day has passed."""
    lost = Reading(40, last_reported=AS_OF)
    now = figure("coworking_sites_supported", lost)
    later = figure("coworking_sites_supported", lost, as_of=date(2021, 1, 1))
    assert (now.status, later.status) == (MilestoneStatus.AT_RISK, MilestoneStatus.MISSED)


def test_an_assumed_deadline_is_said_to_be_assumed() -> None:
    """The reader of a figure can tell what was promised from what was supposed."""
    created = figure("workstations_created", Reading(600, last_reported=AS_OF))
    connected = figure("schools_connected_ratio", Reading(229, 458, AS_OF))
    assert (created.assumed, connected.assumed) == (True, False)


def test_reports_that_stopped_make_a_figure_unreported() -> None:
    """Communes report each quarter: after half a year of silence nobody knows."""
    silent = Reading(90, 100, date(2018, 1, 1))
    status = figure("premises_connectable_ratio", silent, as_of=date(2018, 7, 1)).status
    assert status is MilestoneStatus.UNREPORTED


def test_a_figure_is_plain_json() -> None:
    """A figure can be printed, stored and compared as JSON, and read back."""
    made = figure("workstations_created", Reading(600, last_reported=AS_OF))
    dumped = json.dumps(made.model_dump(mode="json"))
    assert Figure.model_validate_json(dumped) == made
