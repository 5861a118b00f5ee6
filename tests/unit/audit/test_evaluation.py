"""Examples worked by hand where histories drawn by chance seldom meet: ties, frequencies, sums.

`test_agreement.py` compares every form of measure with the workers' figures.
"""

from datetime import date

import pytest

from audit.evaluation import course
from audit.ledger import Ledger
from broker.stored_record import RawRecord
from tests.support.audits import catalogue_of, raw, reading
from tests.support.histories import uai

PARIS = uai("0750001")

CONNECTED = {"count": "school.connected", "unless": ["school.disconnected", "school.closed"]}
FRESH = {
    "fresh": ["dataset.released", "dataset.updated"],
    "unless": "dataset.withdrawn",
    "every": "update_frequency",
    "grace_days": 7,
}
COMMITTED = {"sum": "amount_cents", "from": "grant.committed"}


EXAMPLES = {
    "where all that orders is equal, the one that the term names last": (
        CONNECTED,
        [
            raw("school.connected", PARIS, "2018-03-01", id="same"),
            raw("school.disconnected", PARIS, "2018-03-01", id="same"),
        ],
        {"2018-03-01": 0},
    ),
    "an update borrows the frequency of its release": (
        FRESH,
        [
            raw("dataset.released", "D1", "2018-01-01"),
            raw("dataset.updated", "D1", "2018-06-01"),
        ],
        {"2018-05-31": 0, "2018-06-01": 1, "2018-07-09": 1, "2018-07-10": 0},
    ),
    "an expired update does not fall back on an older one": (
        FRESH,
        [
            raw("dataset.released", "D1", "2018-01-01", update_frequency="annual"),
            raw("dataset.released", "D1", "2018-02-01", update_frequency="daily"),
        ],
        {"2018-03-01": 0},
    ),
    "a day, a quarter, and the days of grace": (
        FRESH,
        [
            raw("dataset.released", "D1", "2018-01-01", update_frequency="daily"),
            raw("dataset.released", "D2", "2018-01-01", update_frequency="quarterly"),
        ],
        {"2018-01-09": 2, "2018-01-10": 1, "2018-04-10": 1, "2018-04-11": 0},
    ),
}


@pytest.mark.parametrize(("measure", "records", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_measure_comes_to(
    measure: object, records: list[RawRecord], expected: dict[str, int]
) -> None:
    grain = "region" if measure is FRESH else "department"
    found = {day: reading(records, measure, day, grain=grain).numerator for day in expected}

    assert found == expected


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
