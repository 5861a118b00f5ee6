"""The report as it is sent to a producer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import date

import pytest

from broker.stored_record import RawRecord
from events.errors import RefusalReason
from operations.scorecards.classification import classify_records
from operations.scorecards.report import Report, report_on, report_text
from tests.support.audits import raw
from tests.support.histories import uai
from tests.support.scorecards import LYCEES, PRODUCERS, broken, refused_at_the_gateway

PARIS = uai("0750001")
MEAUX = uai("0770001")
AS_OF = date(2019, 6, 30)


def records() -> list[RawRecord]:
    connected = raw("school.connected", PARIS, "2019-06-18", source=LYCEES, id="1")
    return [
        raw("school.registered", PARIS, "2019-06-01", source=LYCEES, at="2019-06-03T08:30:00"),
        connected,
        connected._replace(offset=connected.offset + 1_000),
        raw("school.closed", MEAUX, "2019-01-01", source=LYCEES, at="2019-02-10T00:00:00"),
        broken()._replace(offset=7),
        raw("coworking.opened", "S1", "2019-06-29", source="urn:test:sites"),
    ]


def made(**options: object) -> Report:
    letters = [refused_at_the_gateway("lycees")]
    return report_on(classify_records(records(), letters), PRODUCERS, AS_OF, **options)  # type: ignore[arg-type]


def of_lycees(sent: Iterable[RawRecord]) -> Report:
    return report_on(classify_records(sent, []), PRODUCERS, AS_OF, only="lycees")


def test_a_producer_reads_what_became_of_its_events() -> None:
    assert report_text(made(only="lycees"), "text") == (
        "Système lycees (lycees), contact exploitation\n"
        "Scorecard of 2019-06-30\n"
        "  accepted    3 events; 1 repeat, which changes nothing\n"
        "  refused     2; 60.0 % valid\n"
        "              1 not_a_cloudevent at value, for example smartregion.schools[0]@7\n"
        "              1 not_allowed at type, for example at the gateway\n"
        "  lateness    half recorded within 2 days of their day, 9 in 10 within 40 days,"
        " all within 40 days\n"
        "  last event  2019-06-18 12:00 UTC, 12 days before this report\n"
        "  promised    weekly, at most 10 days of silence: SILENT\n"
    )


def test_a_reused_id_and_a_wrong_partition_are_reported_with_what_to_do() -> None:
    event = raw("school.connected", PARIS, "2019-06-18", source=LYCEES, id="1")
    other = raw("school.connected", PARIS, "2019-06-19", source=LYCEES, id="1")
    misrouted = event._replace(partition=(event.partition + 1) % 8, offset=event.offset + 1_000)

    text = report_text(of_lycees([event, other, misrouted]), "text")

    accepted, reused, misplaced = text.splitlines()[2:5]
    assert accepted == "  accepted    1 event; 1 repeat, which changes nothing"
    assert reused == (
        "              1 said something else under an id used before:"
        " a correction needs an id of its own"
    )
    assert misplaced == (
        "              1 not on the partition of their entity, forwarded by us:"
        " check key and partitioner"
    )


def test_a_producer_without_events_reads_never_heard() -> None:
    text = report_text(report_on([], PRODUCERS, AS_OF, only="sites"), "text")

    assert text.splitlines()[2:] == [
        "  accepted    0 events",
        "  refused     0",
        "  lateness    –",
        "  last event  never",
        "  promised    weekly, at most 10 days of silence: never heard",
    ]


def test_references_are_counted_then_listed() -> None:
    *lines, last = report_text(made(references=True), "text").split("\n\n")[-1].splitlines()

    assert lines == [
        "References: facts that name one, and those of them that name an unknown one",
        "  school      2 named, 1 unknown",
        "  site        0 named, 0 unknown",
        "  dataset     0 named, 0 unknown",
        "  grant       0 named, 0 unknown",
        "  commune     2 named, 0 unknown",
        "  siret       not checked: give --sirets FILE",
    ]
    assert last.startswith(
        f"  unknown school: {MEAUX} at data.uai, 1 school.closed of lycees, for example"
    )


def test_json_is_the_report_as_it_is() -> None:
    report = made(references=True)

    assert Report.model_validate_json(report_text(report, "json")) == report
    assert json.loads(report_text(made(), "json"))["references"] is None


def test_csv_has_a_line_for_each_producer() -> None:
    lines = list(csv.DictReader(io.StringIO(report_text(made(), "csv"))))

    assert [line["producer"] for line in lines] == ["lycees", "sites"]
    assert lines[0]["refused_not_allowed"] == "1"
    assert (lines[0]["lateness_median"], lines[1]["lateness_most"]) == ("2", "0")
    assert {f"refused_{reason}" for reason in RefusalReason} <= lines[0].keys()


def test_csv_of_references_has_a_line_for_each_that_leads_nowhere() -> None:
    (line,) = csv.DictReader(io.StringIO(report_text(made(references=True), "csv")))

    assert (line["kind"], line["fact"], line["value"]) == ("school", "school.closed", MEAUX)


@pytest.mark.parametrize(("valid", "read"), [(9_999, "99.9 %"), (2, "66.6 %")])
def test_a_share_is_cut(valid: int, read: str) -> None:
    """100 % is never read where something was refused."""
    sent = [
        raw("school.connected", PARIS, "2019-06-18", source=LYCEES, id=str(one))
        for one in range(valid)
    ]

    text = report_text(of_lycees([*sent, broken()]), "text")

    assert f"; {read} valid" in text
