"""The command `smart-region audit`."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from audit.exposed import parse_metrics
from broker.errors import TopicMismatchError
from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from smart_region import main
from streams.decisions import Decisions
from streams.queries.opening import HistoriesIncompleteError
from streams.settings import Settings
from streams.state_store import StateStore
from tests.support.audits import raw, raw_record
from tests.support.histories import event, uai
from tests.support.records import apply_events

PARIS = uai("0750001")
WORKER = """\
smartregion_worker_ready 1
smartregion_as_of_timestamp_seconds 1.5462144e+09
smartregion_partitions_expected 1
smartregion_partition_shown{partition="0"} 1
"""
WORKERS_DAY = "2018-12-31"


@pytest.fixture(autouse=True)
def topics(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    calls: list[tuple[str, Any]] = []

    def read(bootstrap: str, **kwargs: Any) -> Iterator[RawRecord]:
        calls.append((bootstrap, kwargs))
        yield raw("school.registered", PARIS, "2018-01-01")
        yield raw("school.registered", PARIS, "2018-01-01")._replace(value=None)

    monkeypatch.setattr("broker.reading.read_topics", read)
    monkeypatch.setattr("streams.decisions.read_decisions", lambda *_, **__: Decisions())
    return calls


def show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.exposed.read_worker", lambda url, **_: parse_metrics(url, WORKER))
    monkeypatch.setattr("streams.queries.opening.read_histories", holding())


def holding(
    events: Iterable[CloudEvent] = (), asked: list[Settings] | None = None
) -> Callable[[Settings, Catalogue], StateStore]:
    def read(settings: Settings, known: Catalogue) -> StateStore:
        if asked is not None:
            asked.append(settings)
        return apply_events(StateStore(known.terms), Family.TRAININGS, [events])

    return read


def audit(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments], env=environ)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (KeyboardInterrupt(), 3, ["Aborted: nothing was compared\n"]),
        (ZeroDivisionError(), 3, ["ZeroDivisionError"]),
        (
            TopicMismatchError("events", "partitions", expected=4, actual=8),
            2,
            ["value 8 instead of 4", "SMART_REGION_PARTITIONS"],
        ),
    ],
)
def test_an_audit_that_cannot_be_made_is_no_difference(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, words: list[str]
) -> None:
    def read(*_: object, **__: object) -> Iterator[RawRecord]:
        raise error

    monkeypatch.setattr("broker.reading.read_topics", read)
    result = audit(SMART_REGION_PARTITIONS="4")
    assert result.exit_code == status
    assert [word for word in words if word not in result.stderr] == []


def test_prints_the_account_and_the_figures() -> None:
    result = audit("--as-of", "2018-12-31", "--known-on", "2018-06-30")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[:3] == [
        "Audit of 2018-12-31, as known on 2018-06-30",
        "2 produced = 1 accepted + 1 refused + 0 duplicates; 0 misrouted, 0 forwarded by workers",
        "refused: 1 null_value",
    ]
    cells = [cell for cell in lines[4].split(" ") if cell]
    assert cells == ["schools_connected_ratio", "0,0\u00a0%", "0/1", "2018-01-01"]
    shown = [line.split()[0] for line in lines[4:]]
    assert shown == [indicator.id for indicator in load_catalogue().indicators]


def test_prints_json() -> None:
    document = json.loads(audit("--as-of", "2018-12-31", "--json").stdout)

    assert (document["as_of"], document["known_on"], document["comparison"]) == (
        "2018-12-31",
        None,
        None,
    )
    assert document["account"]["produced"] == 2
    assert document["account"]["refusals"] == {"null_value": 1}
    paris = next(
        figure
        for figure in document["figures"]
        if (figure["indicator"], figure["department"]) == ("schools_connected_ratio", "75")
    )
    assert (paris["value"], paris["numerator"], paris["denominator"]) == (0.0, 0, 1)
    assert {"indicator", "category", "department", "amount"} == document["categories"][0].keys()


def test_names_the_differences_and_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch)

    result = audit("--against", "http://worker")

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert lines[0] == f"Audit of {WORKERS_DAY}"
    assert "lycees/schools_connected_ratio/75: audit 0/1, worker 0/0" in lines
    assert lines[-1].endswith(" compared, 6 different")


@pytest.mark.parametrize("held", [2, 3])
def test_persons_are_compared_with_the_workers_histories(
    monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    enrolments = [event("training.enrolled", f"enrolment-{n:08}", "2018-01-01") for n in range(3)]
    show(monkeypatch)
    asked: list[Settings] = []
    monkeypatch.setattr("streams.queries.opening.read_histories", holding(enrolments[:held], asked))
    monkeypatch.setattr("broker.reading.read_topics", lambda *_, **__: map(raw_record, enrolments))

    result = audit("--against", "http://one:6066", "--against", "two:6066", "--plain-http")

    assert [one.workers for one in asked] == ["http://one:6066,http://two:6066"]
    assert asked[0].workers_plain_http
    problem = "the workers' states are not what the audit counts"
    assert (f"trainees_enrolled/region: {problem}" in result.stdout) == (held == 2)


def test_an_audit_without_the_workers_histories_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    show(monkeypatch)

    def refused(*_: object) -> StateStore:
        raise HistoriesIncompleteError("the histories of partitions 3")

    monkeypatch.setattr("streams.queries.opening.read_histories", refused)

    result = audit("--against", "http://worker")

    assert result.exit_code == 3
    assert "did not send the histories of partitions 3" in result.stderr


def test_the_histories_of_all_that_is_published_in_cells_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A catalogue may protect more than persons, as grants to sole traders."""
    show(monkeypatch)
    terms: list[frozenset[Family]] = []

    def read(_: object, known: Catalogue) -> StateStore:
        terms.append(frozenset(term.family for term in known.terms))
        return StateStore(known.terms)

    monkeypatch.setattr("streams.queries.opening.read_histories", read)
    (tmp_path / "grants.yaml").write_text(
        """
        {id: grants, title: Subventions, promise: Une promesse, owner: Une direction, indicators: [
        {id: grants_committed, title: Subventions, definition: Les subventions, unit: count,
        direction: rising, grain: region, measure: {count: grant.committed}, periodicity: irregular,
        availability_delay_days: 15, min_cell: 10, published: monthly}]}
        """
    )

    audit("--against", "http://worker", SMART_REGION_CATALOGUE=str(tmp_path))

    assert terms == [{Family.GRANTS}]


def test_no_number_of_persons_is_reported() -> None:
    document = json.loads(audit("--as-of", "2018-12-31", "--json").stdout)
    persons = [one for one in document["figures"] if one["indicator"] == "trainees_enrolled"]

    assert len(persons) == 9
    assert {(one["value"], one["numerator"], one["status"]) for one in persons} == {
        (None, None, None)
    }
    assert "trainees_enrolled" not in {one["indicator"] for one in document["categories"]}


def test_exits_with_3_where_a_worker_cannot_be_read(topics: list[tuple[str, Any]]) -> None:
    result = audit("--against", "ftp://worker")

    assert result.exit_code == 3
    assert result.stderr.startswith("Error: worker: no metrics at ftp://worker")
    assert len(result.stderr.splitlines()) == 1
    assert topics == []


def test_does_not_compare_the_past_with_a_worker() -> None:
    result = audit("--against", "http://worker", "--known-on", "2018-01-01")

    assert result.exit_code == 2
    assert "leave out --known-on or --against" in result.stderr


MANY = 12_000
"""Records of which no ledger stays in SQLite's memory of 2 MB."""


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> Iterable[RawRecord]:
        return (raw("grant.committed", f"grant-{at}", "2018-01-01") for at in range(MANY))

    monkeypatch.setattr("broker.reading.read_topics", read)


@pytest.fixture
def full() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
@pytest.mark.usefixtures("many", "full")
def test_a_full_disk_is_no_difference(tmp_path: Path) -> None:
    """The audit cannot be made: a status of its own, one line, the folder and a remedy."""
    result = audit("--as-of", "2018-12-31", "--work-folder", str(tmp_path))

    (line,) = result.stderr.splitlines()
    assert result.exit_code == 3
    assert str(tmp_path) in line
    assert "--work-folder" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("many")
def test_an_audit_takes_no_more_than_it_may(tmp_path: Path) -> None:
    """Its bound is a setting: a volume that others need as well is not filled."""
    calls = ("--as-of", "2018-12-31", "--work-folder", str(tmp_path))

    refused = audit(*calls, SMART_REGION_WORK_MB="1")
    made = audit(*calls, SMART_REGION_WORK_MB="8")

    (line,) = refused.stderr.splitlines()
    assert refused.exit_code == 3
    assert "may take 1 MB" in line
    assert "SMART_REGION_WORK_MB" in line
    assert made.exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_work_folder_that_is_not_there_is_reported_first(
    topics: list[tuple[str, Any]], tmp_path: Path
) -> None:
    result = audit(SMART_REGION_WORK_FOLDER=str(tmp_path / "gone"))

    assert result.exit_code == 3
    assert "gone is no folder" in result.stderr
    assert topics == []
