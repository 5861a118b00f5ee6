"""The report as it is sent to a producer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from broker.stored_record import RawRecord
from events.errors import RefusalReason
from operations.scorecards.classification import classify_records
from operations.scorecards.report import Report, report_on, report_text
from tests.support.audits import raw
from tests.support.golden import check_golden
from tests.support.histories import uai
from tests.support.scorecards import LYCEES, PRODUCERS, broken, refused_at_the_gateway

PARIS = uai("0750001")
MEAUX = uai("0770001")
AS_OF = date(2019, 6, 30)


def records() -> list[RawRecord]:
    connected = raw("school.connected", PARIS, "2019-06-18", source=LYCEES, id="1")
    sent = [
        raw("school.registered", PARIS, "2019-06-01", source=LYCEES, at="2019-06-03T08:30:00"),
        connected,
        connected,
        connected._replace(partition=(connected.partition + 1) % 8),
        raw("school.connected", PARIS, "2019-06-19", source=LYCEES, id="1"),
        raw("school.closed", MEAUX, "2019-01-01", source=LYCEES, at="2019-02-10T00:00:00"),
        broken(),
    ]
    return [one._replace(offset=offset) for offset, one in enumerate(sent, 1)]


def made(**options: object) -> Report:
    letters = [refused_at_the_gateway("lycees")]
    return report_on(classify_records(records(), letters), PRODUCERS, AS_OF, **options)  # type: ignore[arg-type]


def of_lycees(sent: Iterable[RawRecord]) -> Report:
    return report_on(classify_records(sent, []), PRODUCERS, AS_OF, only="lycees")


def test_producers_read_what_became_of_their_events() -> None:
    check_golden(Path(__file__).with_name("report.txt"), report_text(made(references=True), "text"))


def test_json_is_the_report_as_it_is() -> None:
    report = made(references=True)

    assert Report.model_validate_json(report_text(report, "json")) == report
    assert json.loads(report_text(made(), "json"))["references"] is None


def test_csv_has_a_line_for_each_producer() -> None:
    lines = list(csv.DictReader(io.StringIO(report_text(made(), "csv"))))

    assert [line["producer"] for line in lines] == ["lycees", "sites"]
    assert lines[0]["refused_not_allowed"] == "1"
    assert (lines[0]["lateness_median"], lines[1]["lateness_most"]) == ("2", "")
    assert {f"refused_{reason}" for reason in RefusalReason} <= lines[0].keys()


def test_csv_of_references_has_a_line_for_each_that_leads_nowhere() -> None:
    (line,) = csv.DictReader(io.StringIO(report_text(made(references=True), "csv")))

    assert (line["kind"], line["fact"], line["value"]) == ("school", "school.closed", MEAUX)


@pytest.mark.slow
@pytest.mark.parametrize(("valid", "read"), [(9_999, "99.9 %"), (2, "66.6 %")])
def test_a_share_is_cut(valid: int, read: str) -> None:
    """100 % is never read where something was refused."""
    sent = [
        raw("school.connected", PARIS, "2019-06-18", source=LYCEES, id=str(one))
        for one in range(valid)
    ]

    text = report_text(of_lycees([*sent, broken()]), "text")

    assert f"; {read} valid" in text
