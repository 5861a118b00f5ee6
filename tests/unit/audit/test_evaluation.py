"""Examples worked by hand: what each form of the measure algebra comes to on a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from audit.evaluation import course
from audit.ledger import Ledger
from broker.stored_record import RawRecord
from catalogue.history import Reading
from tests.support.audits import INDICATOR, audited, catalogue_of, raw, reading
from tests.support.histories import uai

PARIS = uai("0750001")
PARIS_2 = uai("0750002")
MEAUX = uai("0770001")

CONNECTED = {"count": "school.connected", "unless": ["school.disconnected", "school.closed"]}
CONNECTED_RATIO = {
    "ratio": {"of": CONNECTED, "over": {"count": "school.registered", "unless": "school.closed"}}
}
WORKSTATIONS = {
    "latest": "workstations",
    "from": ["coworking.opened", "coworking.resized"],
    "unless": "coworking.closed",
}
COMMITTED = {"sum": "amount_cents", "from": "grant.committed"}
FRESH = {
    "fresh": ["dataset.released", "dataset.updated"],
    "unless": "dataset.withdrawn",
    "every": "update_frequency",
    "grace_days": 7,
}
PRIORITY_SHARE = {
    "share": {
        "of": {"audience": ["job_seeker", "early_leaver"]},
        "among": {"count": "training.enrolled"},
    }
}
COMPLETED = {"count": "training.completed"}
HOURS = {"sum": "occupied_hours", "from": "workstation.usage_reported"}
SOMEBODY = "enrolment-00000001"
COMPLETION = raw("training.completed", SOMEBODY, "2018-06-01")
EUROS = {"unit": "euros"}


def _usage(site: str, end: str) -> RawRecord:
    return raw(
        "workstation.usage_reported",
        site,
        end,
        period_start="2018-01-01",
        department="94",
        available_hours=100,
        occupied_hours={"company": 20, "employee": 10},
    )


def _grant(day: str, cents: int, **fields: Any) -> RawRecord:
    return raw("grant.committed", "G1", day, amount_cents=cents, department="75", **fields)


def _enrolled(day: str, department: str, **fields: Any) -> RawRecord:
    return raw("training.enrolled", SOMEBODY, day, department=department, **fields)


@dataclass(frozen=True)
class Example:
    """Records, and the numerator that a measure comes to on each of some days."""

    measure: object
    records: Sequence[RawRecord]
    expected: Mapping[str, int]
    fields: Mapping[str, Any] = field(default_factory=dict)


COUNTS = {
    "an entity counts from its day on": Example(
        CONNECTED,
        [raw("school.connected", PARIS, "2018-03-01")],
        {"2018-02-28": 0, "2018-03-01": 1},
    ),
    "a fact that ends it, until it begins again": Example(
        CONNECTED,
        [
            raw("school.connected", PARIS, "2018-03-01"),
            raw("school.disconnected", PARIS, "2018-06-01"),
            raw("school.connected", PARIS, "2018-06-15"),
        ],
        {"2018-05-31": 1, "2018-06-01": 0, "2018-06-14": 0, "2018-06-15": 1},
    ),
    "of one day's facts the later recorded one": Example(
        CONNECTED,
        [
            raw("school.connected", PARIS, "2018-03-01", at="2018-03-01T08:00:00"),
            raw("school.disconnected", PARIS, "2018-03-01", at="2018-03-01T09:00:00"),
        ],
        {"2018-03-01": 0},
    ),
    "where all that orders is equal, the one that the term names last": Example(
        CONNECTED,
        [
            raw("school.connected", PARIS, "2018-03-01", id="same"),
            raw("school.disconnected", PARIS, "2018-03-01", id="same"),
        ],
        {"2018-03-01": 0},
    ),
    "a record that the filter leaves out replaces": Example(
        {"count": "school.registered", "where": {"kind": "vocational"}},
        [
            raw("school.registered", PARIS, "2016-01-01", kind="vocational"),
            raw("school.registered", PARIS, "2018-01-01", kind="polyvalent"),
        ],
        {"2017-12-31": 1, "2018-01-01": 0},
    ),
}
SUMS = {
    "every record adds from its day on": Example(
        COMMITTED,
        [_grant("2018-01-10", 100_50), _grant("2018-02-10", 50)],
        {"2018-01-09": 0, "2018-01-10": 100_50, "2018-02-10": 101_00, "2030-01-01": 101_00},
        EUROS,
    ),
    "what the filter leaves out takes nothing away": Example(
        {**COMMITTED, "where": {"call": ["shared_workplaces"]}},
        [_grant("2018-01-10", 7, call="shared_workplaces"), _grant("2018-02-10", 50)],
        {"2018-12-31": 7},
        EUROS,
    ),
    "the values of a mapping": Example(HOURS, [_usage("S1", "2018-01-31")], {"2018-12-31": 30}),
    "each amount ends by itself": Example(
        {**COMMITTED, "within_days": 30},
        [_grant("2018-01-01", 1), _grant("2018-01-11", 10)],
        {"2018-01-31": 11, "2018-02-01": 10, "2018-02-10": 10, "2018-02-11": 0},
        EUROS,
    ),
}
LEVELS = {
    "the last level of each entity": Example(
        WORKSTATIONS,
        [
            raw("coworking.opened", "S1", "2017-01-01", workstations=20),
            raw("coworking.resized", "S1", "2018-01-01", workstations=35),
            raw("coworking.opened", "S2", "2017-06-01", workstations=8),
            raw("coworking.closed", "S2", "2019-01-01"),
        ],
        {"2017-01-01": 20, "2017-12-31": 28, "2018-01-01": 43, "2019-01-01": 35},
    ),
    "the latest day, not the latest record": Example(
        WORKSTATIONS,
        [
            raw("coworking.opened", "S1", "2017-01-01", workstations=20),
            raw("coworking.resized", "S1", "2018-06-01", workstations=50),
            raw("coworking.resized", "S1", "2018-01-01", workstations=35, at="2018-09-01T00:00:00"),
        ],
        {"2018-05-31": 35, "2018-12-31": 50},
    ),
    "an update borrows the frequency of its release": Example(
        FRESH,
        [
            raw("dataset.released", "D1", "2018-01-01"),
            raw("dataset.updated", "D1", "2018-06-01"),
        ],
        {"2018-05-31": 0, "2018-06-01": 1, "2018-07-09": 1, "2018-07-10": 0},
        {"grain": "region"},
    ),
    "an expired update does not fall back on an older one": Example(
        FRESH,
        [
            raw("dataset.released", "D1", "2018-01-01", update_frequency="annual"),
            raw("dataset.released", "D1", "2018-02-01", update_frequency="daily"),
        ],
        {"2018-03-01": 0},
        {"grain": "region"},
    ),
    "a day, a quarter, and the days of grace": Example(
        FRESH,
        [
            raw("dataset.released", "D1", "2018-01-01", update_frequency="daily"),
            raw("dataset.released", "D2", "2018-01-01", update_frequency="quarterly"),
        ],
        {"2018-01-09": 2, "2018-01-10": 1, "2018-04-10": 1, "2018-04-11": 0},
        {"grain": "region"},
    ),
}
BORROWED = {
    "the département of the enrolment": Example(
        COMPLETED,
        [_enrolled("2018-01-01", "95"), COMPLETION],
        {"2018-12-31": 1},
        {"department": "95"},
    ),
    "its last correction, whatever the day": Example(
        COMPLETED,
        [_enrolled("2018-01-01", "95"), COMPLETION, _enrolled("2019-01-01", "77")],
        {"2018-12-31": 1},
        {"department": "77"},
    ),
    "nothing of what was retracted": Example(
        COMPLETED,
        [
            _enrolled("2018-01-01", "95"),
            COMPLETION,
            _enrolled("2019-01-01", "77"),
            _enrolled("2019-01-01", "77", at="2019-02-01T12:00:00", retracted=True),
        ],
        {"2018-12-31": 1},
        {"department": "95"},
    ),
    "what a filter asks for": Example(
        {**COMPLETED, "where": {"audience": "job_seeker"}},
        [
            raw("training.enrolled", SOMEBODY, "2018-01-01"),
            COMPLETION,
            raw("training.completed", "enrolment-00000002", "2018-06-01"),
        ],
        {"2018-12-31": 1},
    ),
}
EXAMPLES = COUNTS | SUMS | LEVELS | BORROWED


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_a_measure_comes_to(example: Example) -> None:
    found = {
        day: reading(example.records, example.measure, day, **example.fields).numerator
        for day in example.expected
    }

    assert found == example.expected


def test_adds_up_beyond_what_a_column_can_hold() -> None:
    """A million of the largest grants are more than 2^63 cents; three rows stand for them."""
    grants = [
        raw("grant.committed", f"grant-{number}", "2018-03-01", amount_cents=1)
        for number in range(3)
    ]
    (term,) = catalogue_of(COMMITTED, unit="euros").terms
    with Ledger(grants, partitions=8) as ledger:
        ledger.settle()
        ledger.database.execute(
            "UPDATE cell SET content = json_set(content, '$.amount_cents', ?)", (2**62 + 1,)
        )

        amounts = course(ledger, term, date(2018, 12, 31)).amounts

    assert sum(amounts.values()) == 3 * (2**62 + 1)


def test_a_ratio_has_both_terms() -> None:
    closed = uai("0750003")
    records = [
        *(raw("school.registered", code, "2016-01-01") for code in (PARIS, PARIS_2, closed)),
        raw("school.connected", PARIS, "2018-03-01"),
        raw("school.connected", closed, "2018-03-01"),
        raw("school.closed", closed, "2018-08-31"),
    ]

    assert reading(records, CONNECTED_RATIO, "2018-12-31", unit="ratio") == Reading(
        1, 2, date(2018, 8, 31)
    )


def test_shares_among_the_same_entities() -> None:
    records = [
        raw("training.enrolled", f"enrolment-{number:08}", "2018-01-01", audience=audience)
        for number, audience in enumerate(["job_seeker", "employee", "early_leaver"])
    ]

    shared = reading(records, PRIORITY_SHARE, "2018-12-31", unit="ratio", department="77")

    assert (shared.numerator, shared.denominator) == (2, 3)


def test_splits_by_the_keys_of_a_mapping() -> None:
    measure = {"sum": "occupied_hours", "from": "workstation.usage_reported"}

    found = audited([_usage("S1", "2018-01-31")], measure, "2018-12-31", breakdown="occupied_hours")

    assert found.readings[INDICATOR, None].numerator == 30
    assert found.categories[INDICATOR, "company", "94"] == 20
    assert found.categories[INDICATOR, "employee", "94"] == 10


def test_the_last_report_is_that_of_the_department() -> None:
    records = [
        raw("school.connected", PARIS, "2018-03-01"),
        raw("school.disconnected", MEAUX, "2018-05-01"),
    ]

    found = audited(records, CONNECTED, "2018-12-31").readings

    days = [found[INDICATOR, code].last_reported for code in ("75", "77", "95", None)]
    assert days == [date(2018, 3, 1), date(2018, 5, 1), None, date(2018, 5, 1)]
