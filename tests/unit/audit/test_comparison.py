"""Comparing an audit with what workers show."""

from datetime import UTC, date, datetime

import pytest

from audit.comparison import compare_exposed, workers_day
from audit.exposed import Exposed, WorkerUnreadableError, parse_metrics
from audit.recount import Audit
from streams.histories import ExactPersons, exact_persons
from tests.support.audits import audited, raw
from tests.support.histories import event, uai
from tests.support.past_figures import state_store_of

Samples = dict[tuple[str, int], float | str]
"""The samples of one metric by (département, partition); a day stands for its timestamp."""
Figures = dict[str, Samples]

DAY = "2018-12-31"
PARIS = uai("0750001")
MEAUX = uai("0770001")
RATIO = {"ratio": {"of": {"count": "school.connected"}, "over": {"count": "school.registered"}}}
COMMITTED = {"sum": "amount_cents", "from": "grant.committed"}


def schools() -> Audit:
    records = [
        raw("school.registered", PARIS, "2018-01-01"),
        raw("school.registered", MEAUX, "2018-01-02"),
        raw("school.connected", PARIS, "2018-03-01"),
    ]
    return audited(records, RATIO, DAY, unit="ratio")


SCHOOLS: Figures = {
    "numerator": {("75", 0): 1.0},
    "denominator": {("75", 0): 1.0, ("77", 1): 1.0},
    "last_reported_timestamp_seconds": {("75", 0): "2018-03-01", ("77", 1): "2018-01-02"},
}


def seconds(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


def worker(
    figures: Figures,
    *,
    owned: tuple[int, ...] = (0, 1),
    ready: bool = True,
    day: str | None = DAY,
    indicator: str = "figure",
    url: str = "http://worker/metrics",
) -> Exposed:
    lines = [
        f"smartregion_worker_ready {int(ready)}",
        "smartregion_partitions_expected 2",
        *(f'smartregion_partition_shown{{partition="{number}"}} 1' for number in owned),
        *([] if day is None else [f"smartregion_as_of_timestamp_seconds {seconds(day)}"]),
    ]
    for metric, samples in figures.items():
        name, _, category = metric.partition("/")
        for (department, partition), value in samples.items():
            labels = f'programme="test",indicator="{indicator}",department="{department}"'
            if category:
                labels += f',dimension="audience",category="{category}"'
            shown = seconds(value) if isinstance(value, str) else value
            lines.append(
                f'smartregion_indicator_{name}{{{labels},partition="{partition}"}} {shown}'
            )
    return parse_metrics(url, "\n".join(lines) + "\n")


def test_finds_no_difference_where_there_is_none() -> None:
    comparison = compare_exposed(schools(), [worker(SCHOOLS)])

    assert comparison.differences == ()
    assert comparison.compared == 9


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        (
            {"numerator": {("75", 0): 2.0}},
            ("region: audit 1/2, worker 2/2", "75: audit 1/1, worker 2/1"),
        ),
        (
            # What is not shown is nothing.
            {name: {("75", 0): samples["75", 0]} for name, samples in SCHOOLS.items()},
            ("region: audit 1/2, worker 1/1", "77: audit 0/1, worker 0/0"),
        ),
        (
            {"last_reported_timestamp_seconds": {("75", 0): "2018-03-01"}},
            ("77: audit last reported 2018-01-02, worker never",),
        ),
    ],
)
def test_names_each_differing_figure(shown: Figures, lines: tuple[str, ...]) -> None:
    found = compare_exposed(schools(), [worker(SCHOOLS | shown)])

    assert found.differences == tuple(f"test/figure/{line}" for line in lines)


def test_counts_a_partition_of_two_workers_once() -> None:
    """During a rebalance two workers show one partition: the greater counts."""
    old = worker({**SCHOOLS, "numerator": {("75", 0): 0.0}})

    assert compare_exposed(schools(), [old, worker(SCHOOLS), old]).differences == ()


def test_compares_euros_as_whole_cents() -> None:
    records = [
        raw("grant.committed", f"G{number}", "2018-01-10", amount_cents=10, department="75")
        for number in range(3)
    ]
    found = audited(records, COMMITTED, DAY, unit="euros")
    reported: Samples = {("75", 0): "2018-01-10"}

    def differences(value: float) -> tuple[str, ...]:
        shown: Figures = {"value": {("75", 0): value}, "last_reported_timestamp_seconds": reported}
        return compare_exposed(found, [worker(shown)]).differences

    assert differences(0.1 + 0.2) == ()
    assert differences(0.29)[1] == "test/figure/75: audit 0.3, worker 0.29"


def test_compares_the_parts_of_a_breakdown() -> None:
    records = [raw("training.enrolled", "enrolment-00000001", "2018-01-01", audience="employee")]
    found = audited(records, {"count": "training.enrolled"}, DAY, breakdown="audience")
    shown: Figures = {
        "value": {("77", 0): 1.0},
        "last_reported_timestamp_seconds": {("77", 0): "2018-01-01"},
        "category_value/employee": {("77", 0): 1.0},
    }
    wrong: Figures = shown | {"category_value/other": {("77", 0): 4.0}}

    agreed, differing = (compare_exposed(found, [worker(one)]) for one in (shown, wrong))

    assert agreed.differences == ()
    assert agreed.compared == 9 * (1 + 5)
    assert differing.differences == (
        "test/figure/region/other: audit 0, worker 4",
        "test/figure/77/other: audit 0, worker 4",
    )


ENROLLED = {"count": "training.enrolled"}
REPORTED: Figures = {"last_reported_timestamp_seconds": {("region", 0): "2018-01-01"}}


def persons() -> Audit:
    records = [raw("training.enrolled", "enrolment-00000001", "2018-01-01", audience="employee")]
    return audited(records, ENROLLED, DAY, breakdown="audience", min_cell=11, published="monthly")


def test_does_not_compare_what_no_worker_may_show() -> None:
    comparison = compare_exposed(persons(), [worker(REPORTED)])

    assert (comparison.compared, comparison.differences) == (0, ())


def test_names_a_worker_that_shows_what_it_may_not() -> None:
    shown: Figures = REPORTED | {
        "value": {("77", 0): 1.0},
        "category_value/employee": {("77", 0): 1.0},
    }

    assert compare_exposed(persons(), [worker(shown)]).differences == (
        "test/figure: smartregion_indicator_category_value shown by the worker, despite min_cell",
        "test/figure: smartregion_indicator_value shown by the worker, despite min_cell",
    )


def test_names_a_worker_that_exposes_a_person_s_day_and_departement() -> None:
    """The last report of a département, too, is somebody's day."""
    shown: Figures = {"last_reported_timestamp_seconds": {("77", 0): "2018-01-01"}}

    (difference,) = compare_exposed(persons(), [worker(shown)]).differences

    assert "last_reported_timestamp_seconds shown by the worker" in difference


def held(*audiences: str) -> ExactPersons:
    events = [
        event("training.enrolled", f"enrolment-{number:08}", "2018-01-01", audience=audience)
        for number, audience in enumerate(audiences, 1)
    ]
    catalogue = persons().catalogue
    return exact_persons(state_store_of(catalogue, events), catalogue, date.fromisoformat(DAY))


def test_counts_persons_in_the_workers_states() -> None:
    agreed = compare_exposed(persons(), [worker(REPORTED)], held("employee"))

    assert (agreed.compared, agreed.differences) == (9 * 6, ())


def test_names_the_cells_that_differ_without_their_numbers() -> None:
    """A difference may be read by anybody."""
    found = compare_exposed(persons(), [worker(REPORTED)], held("employee", "job_seeker"))

    assert [line.partition(":")[0] for line in found.differences] == [
        "test/figure/region",
        "test/figure/region/job_seeker",
        "test/figure/77",
        "test/figure/77/job_seeker",
    ]
    assert not any(character.isdigit() for character in found.differences[0])


def test_names_what_the_catalogue_does_not_know() -> None:
    unknown = worker({"value": {("75", 0): 1.0}}, indicator="other")
    abroad = worker(SCHOOLS | {"numerator": {("75", 0): 1.0, ("13", 0): 0.0}})

    assert compare_exposed(schools(), [worker(SCHOOLS), unknown, abroad]).differences == (
        "test/figure/13: shown by the worker, not a département of the region",
        "test/other: shown by the worker, not in the audit's catalogue",
    )


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (
            worker({}, ready=False),
            "http://worker/metrics: the worker is not ready; its /readyz has the reason",
        ),
        (
            worker(SCHOOLS, day="2018-12-30"),
            "http://worker/metrics: audit of 2018-12-31, worker of 2018-12-30",
        ),
        (worker(SCHOOLS, day=None), "http://worker/metrics: audit of 2018-12-31, worker of no day"),
        (worker(SCHOOLS, owned=(0,)), "partitions: 1 shown by no worker; name each with --against"),
        (parse_metrics("here", ""), "partitions: all shown by no worker; name each with --against"),
    ],
)
def test_compares_nothing_where_the_figures_cannot_be_had(shown: Exposed, line: str) -> None:
    comparison = compare_exposed(schools(), [shown])

    assert comparison.compared == 0
    assert line in comparison.differences


def test_takes_the_latest_of_the_workers_days() -> None:
    """Around midnight two workers may be a day apart."""
    workers = [worker({}, day="2018-12-30"), worker({}, day="2018-12-31")]

    assert workers_day(workers) == date(2018, 12, 31)


def test_needs_the_day_of_every_worker() -> None:
    with pytest.raises(WorkerUnreadableError, match="smartregion_as_of_timestamp_seconds"):
        workers_day([worker({}, day=None, url="http://silent")])


OBSERVED: Samples = {("75", 0): 12.25, ("region", 1): 40.0}
OBSERVED_ON: Samples = {("75", 0): "2018-03-01", ("region", 1): "2018-03-01"}


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        ({}, ()),
        ({("region", 1): 52.25}, ("test/figure/region: audit 40, worker 52.25",)),
        # Blank is not zero, though both add up to nothing.
        ({("77", 0): 0.0}, ("test/figure/77: audit no value, worker 0",)),
    ],
)
def test_what_is_observed_is_compared_territory_by_territory(
    shown: Samples, lines: tuple[str, ...]
) -> None:
    records = [
        raw("indicator.observed", "IND-042", "2018-03-01", territory=territory, value=value)
        for territory, value in (("D75", 12.25), ("R11", 40))
    ]
    figures: Figures = {"value": OBSERVED | shown, "last_reported_timestamp_seconds": OBSERVED_ON}

    found = compare_exposed(audited(records, {"observed": "IND-042"}, DAY), [worker(figures)])

    assert found.differences == lines
