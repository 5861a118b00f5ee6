"""The figures that the assessor judges, and the days of which all is shown."""

from datetime import UTC, date, datetime

from audit.exposed import Exposed, parse_metrics
from catalogue.figure import Figure
from catalogue.loader import load_catalogue
from catalogue.progress import MilestoneStatus
from simulation.demo.figures import assessed_on, assessment_differences, complete_on, shown_figures

DAY = date(2018, 12, 31)


def midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def worker(*owned: int, ready: bool = True) -> Exposed:
    lines = [
        f"smartregion_worker_ready {int(ready)}",
        f"smartregion_as_of_timestamp_seconds {midnight(DAY)}",
        "smartregion_partitions_expected 2",
        *(f'smartregion_partition_shown{{partition="{partition}"}} 1' for partition in owned),
    ]
    return parse_metrics("http://worker/metrics", "\n".join(lines) + "\n")


def test_the_day_is_not_known_while_some_figures_are_missing() -> None:
    assert complete_on(worker(0, 1, ready=False)) is None
    assert complete_on(worker(0)) is None
    assert complete_on(worker(0, 1)) == DAY


def assessor(*, lag: int = 0, ready: int = 1) -> Exposed:
    territory = 'programme="lycees",indicator="schools_connected_ratio",department="77"'
    held = f'{territory},milestone="all_connected"'
    lines = [
        f"smartregion_assessor_ready {ready}",
        f"smartregion_assessor_lag_records {lag}",
        f"smartregion_as_of_timestamp_seconds {midnight(DAY)}",
        f"smartregion_indicator_assessed_value{{{territory}}} 0.29",
        f"smartregion_milestone_progress_ratio{{{held}}} 0.29",
        f'smartregion_milestone_status{{{held},status="at_risk"}} 1',
        f'smartregion_milestone_status{{{held},status="on_track"}} 0',
        f"smartregion_milestone_projected_timestamp_seconds{{{held}}} {midnight(DAY)}",
    ]
    return parse_metrics("http://assessor/metrics", "\n".join(lines) + "\n")


def lycees(figures: tuple[Figure, ...], department: str | None) -> Figure:
    return next(
        one
        for one in figures
        if (one.indicator, one.department) == ("schools_connected_ratio", department)
    )


def test_a_figure_is_what_the_assessor_judges() -> None:
    figure = lycees(shown_figures(load_catalogue(), assessor()), "77")

    assert (figure.value, figure.progress_rate, figure.target) == (0.29, 29.0, 1)
    assert (figure.status, figure.projected_day) == (MilestoneStatus.AT_RISK, DAY)
    blank = lycees(shown_figures(load_catalogue(), assessor()), None)
    assert (blank.value, blank.progress_rate, blank.status) == (None, None, None)
    assert shown_figures(load_catalogue(), assessor(ready=0)) == ()


def test_an_assessor_that_has_not_judged_all_is_awaited() -> None:
    assert assessed_on(assessor()) == DAY
    assert assessed_on(assessor(lag=1)) is None
    assert assessed_on(assessor(ready=0)) is None


def test_a_figure_that_the_audit_judges_otherwise_is_reported() -> None:
    shown = shown_figures(load_catalogue(), assessor())
    assert list(assessment_differences(shown, shown)) == []

    counted = [lycees(shown, "77").model_copy(update={"status": MilestoneStatus.ON_TRACK})]
    where = "lycees/schools_connected_ratio/77: audit 0.29 on_track 2018-12-31, assessor "
    assert list(assessment_differences(shown, counted)) == [f"{where}0.29 at_risk 2018-12-31"]
    assert list(assessment_differences((), counted)) == [f"{where}nothing"]
