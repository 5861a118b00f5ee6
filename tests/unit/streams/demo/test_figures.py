"""The figures that workers show, judged."""

from datetime import UTC, date, datetime

from catalogue.assessment import Figure
from catalogue.loader import load_catalogue
from streams.audit.exposed import Exposed, parse_metrics
from streams.demo.figures import complete_on, shown_figures

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
