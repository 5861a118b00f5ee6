"""The outcome as programs read it."""

import json
from datetime import date

from catalogue.figure import figures_of
from catalogue.history import Reading
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from events.errors import RefusalReason
from operations.audit.ledger import RecordCounts
from simulation.demo.outcome import AuditCount, DemoOutcome, summary
from tests.support.figure_histories import reported

LAST_DAY = date(2020, 12, 31)
ACCOUNT = RecordCounts(
    produced=78_063,
    accepted=77_353,
    refused=48,
    duplicates=662,
    misrouted=0,
    forwarded=0,
    refusals={RefusalReason.INVALID_JSON: 48},
)


def outcome() -> DemoOutcome:
    """Return an outcome whose lycées in Seine-et-Marne are half connected."""
    catalogue = load_catalogue()
    half = reported(Reading(1, 2, date(2020, 12, 1)))
    judged = judge_all(catalogue, {("schools_connected_ratio", "77"): half}, LAST_DAY)
    figures = tuple(figures_of(catalogue, judged, LAST_DAY))
    return DemoOutcome.of(LAST_DAY, ACCOUNT, figures, AuditCount(compared=312, different=0))


def test_the_document_has_exactly_these_fields() -> None:
    """Programs rely on the names, the nesting and the order."""
    document = json.loads(outcome().model_dump_json())

    assert list(document) == [
        "as_of",
        "produced",
        "accepted",
        "refused",
        "duplicates",
        "figures",
        "audit",
    ]
    assert document["as_of"] == "2020-12-31"
    assert document["produced"] == 78_063
    assert document["audit"] == {"compared": 312, "different": 0}


def test_a_figure_has_its_territory_and_progress() -> None:
    """A département by its code, the region by null; unknown values are null, never zero."""
    figures = json.loads(outcome().model_dump_json())["figures"]

    assert {
        "programme": "lycees",
        "indicator": "schools_connected_ratio",
        "department": "77",
        "value": 0.5,
        "target": 1.0,
        "progress_rate": 50.0,
        "status": "at_risk",
    } in figures
    region = next(figure for figure in figures if figure["department"] is None)
    assert region["value"] is None


def test_the_document_is_one_line() -> None:
    """It is the last line of the output, and the whole of it."""
    assert "\n" not in outcome().model_dump_json()


def test_the_summary_is_for_people() -> None:
    """In French, with thousands apart."""
    assert summary(outcome()) == (
        "évènements : 78\u202f063 · acceptés : 77\u202f353 · refusés : 48 · en double : 662",
        "chiffres recomptés : 312 · différents : 0",
    )
