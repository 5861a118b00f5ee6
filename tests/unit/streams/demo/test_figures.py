"""The figures that workers show, judged."""

from datetime import UTC, date, datetime

from catalogue.assessment import Figure
from catalogue.loader import load_catalogue
from streams.audit.exposed import Exposed, parse_metrics
from streams.demo.figures import assessed_on, complete_on, shown_figures

DAY = date(2018, 12, 31)


def worker(*owned: int, ready: bool = True, day: date = DAY) -> Exposed:
    """Give a worker that owns some of two partitions, and shows in each a connected lycée of 77."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    lines = [
        f"smartregion_worker_ready {int(ready)}",
        f"smartregion_as_of_timestamp_seconds {midnight}",
        "smartregion_partitions_expected 2",
    ]
    for partition in owned:
        lines.append(f'smartregion_partition_owned{{partition="{partition}"}} 1')
        labels = (
            'programme="lycees",indicator="schools_connected_ratio"'
            f',department="77",partition="{partition}"'
        )
        lines += [
            f"smartregion_indicator_numerator{{{labels}}} 1",
            f"smartregion_indicator_denominator{{{labels}}} 2",
            f"smartregion_indicator_last_reported_timestamp_seconds{{{labels}}} {midnight}",
        ]
    return parse_metrics("http://worker/metrics", "\n".join(lines) + "\n")


def connected(workers: list[Exposed], department: str | None) -> Figure:
    """Give the shown share of connected lycées."""
    return next(
        figure
        for figure in shown_figures(load_catalogue(), workers)
        if (figure.indicator, figure.department) == ("schools_connected_ratio", department)
    )


def test_partitions_are_summed_before_they_are_divided() -> None:
    """One worker or two, the figure is the same, for the département and the region."""
    for workers in ([worker(0, 1)], [worker(0), worker(1)]):
        for department in ("77", None):
            figure = connected(workers, department)

            assert (figure.numerator, figure.denominator, figure.value) == (2, 4, 0.5)
            assert figure.last_reported == DAY


def test_a_place_without_facts_has_no_value() -> None:
    """Nothing over nothing is unknown."""
    assert connected([worker(0, 1)], "75").value is None


def test_no_figure_while_some_are_missing() -> None:
    """A worker that starts, is not ready, or lacks a partition would show too little."""
    for workers in ([], [worker(0, 1, ready=False)], [worker(0)]):
        assert complete_on(workers) is None
        assert shown_figures(load_catalogue(), workers) == ()


def test_workers_must_be_on_the_same_day() -> None:
    """Between two scrapes an accelerated clock may move on."""
    assert complete_on([worker(0), worker(1, day=date(2019, 1, 1))]) is None
    assert complete_on([worker(0), worker(1)]) == DAY


def assessor(*, lag: int = 0) -> Exposed:
    """Give an assessor that shows the enrolled of the region, and has so many records to go."""
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp()
    labels = 'programme="formation",indicator="trainees_enrolled",department="region"'
    lines = [
        "smartregion_assessor_ready 1",
        f"smartregion_assessor_lag_records {lag}",
        f"smartregion_as_of_timestamp_seconds {midnight}",
        f"smartregion_indicator_assessed_value{{{labels}}} 120",
    ]
    return parse_metrics("http://assessor/metrics", "\n".join(lines) + "\n")


def test_persons_are_those_that_the_assessor_publishes() -> None:
    """No worker shows any; without an assessor they are blank."""
    for assessors, value in (([assessor()], 120), ([], None)):
        figures = shown_figures(load_catalogue(), [worker(0, 1)], assessors)
        (enrolled,) = (
            figure
            for figure in figures
            if (figure.indicator, figure.department) == ("trainees_enrolled", None)
        )
        assert (enrolled.value, enrolled.status) == (value, None)


def test_an_assessor_that_has_not_read_all_is_awaited() -> None:
    """The last figures are those of all that was sent."""
    assert assessed_on([assessor()]) == DAY
    assert assessed_on([assessor(lag=1)]) is None
    assert assessed_on([]) is None
