"""Every number of the notes of twelve months is that of the audit, as known then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from audit.ledger import Ledger
from audit.recount import Audit, audit_ledger
from catalogue.formatting import NumberFormat
from catalogue.history import Reading
from catalogue.model import Catalogue, Indicator
from report.knowledge import Knowledge
from report.note.document import Note
from tests.support.knowledge import shipped
from tests.support.notes import MONTHS, five_years, known_then, request_of, simulated_note
from tests.support.published import published_values

TWELVE = [
    pytest.param(month, marks=[pytest.mark.nightly] * (number % 4 != 1))
    for number, month in enumerate(MONTHS[2::5])
]
PARTITIONS = 8


@pytest.fixture(scope="module")
def recount() -> Iterator[Ledger]:
    with Ledger(five_years(), partitions=PARTITIONS) as ledger:
        yield ledger


def value_of(indicator: Indicator, reading: Reading) -> float | None:
    under = indicator.measure.divisor if reading.denominator is None else reading.denominator
    if reading.last_reported is None or not under:
        return None
    return float(Fraction(reading.numerator, under))


def shown_values(note: Note) -> Iterator[tuple[Indicator, str | None, str]]:
    for section in note.data()["sections"]:
        for block in section["blocks"]:
            if block["kind"] == "table":
                titles = [one["title"] for one in block["columns"]]
                if "Valeur" in titles:
                    for row in block["rows"]:
                        cell = row["cells"][titles.index("Valeur")]["cell"]
                        yield *figure_of(row["reference"]), cell["text"]
            elif block["kind"] == "items":
                for line in block["items"]:
                    yield from values_in(line["spans"])


def values_in(spans: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Indicator, str | None, str]]:
    """Yield those of a sentence; an owner's words may have any number."""
    for span in spans:
        reference = span["reference"]
        if reference is None or urlsplit(reference["path"]).fragment == "explications":
            continue
        if found := re.search(r", ([^,]+(,\d)? ?%)", span["text"]):
            yield *figure_of(reference), found[1]


def figure_of(reference: Mapping[str, Any]) -> tuple[Indicator, str | None]:
    address = urlsplit(reference["path"])
    indicator = shipped().indicator(address.path.split("/")[1])
    return indicator, parse_qs(address.query).get("territory", [None])[0]


@pytest.mark.slow
@pytest.mark.parametrize("month", TWELVE)
def test_every_number_is_that_of_the_audit(month: str, recount: Ledger) -> None:
    """The audit counts the raw records by another road; of persons, what it says is published."""
    request = request_of(month)
    note, until = simulated_note(request), request.month.until
    counted = audit_ledger(recount, shipped(), until, request.known_on)
    values = values_of(counted, published_on(recount, until, request.known_on))

    compared = 0
    for indicator, department, text in shown_values(note):
        expected = values.get((indicator.id, department))
        told = "" if expected is None else NumberFormat.of(indicator).text(expected)
        assert text == told, (indicator.id, department)
        compared += 1
    assert compared >= len(shipped().indicators)

    # Targets, rates, projections, paces and changes follow from the histories: with the audit's in
    # place of the workers', the note is the same to the byte.
    mine = known_then(request.known_on)
    histories = {**mine.histories, **counted.histories}
    theirs = Knowledge(shipped(), histories, mine.parts, explanations=mine.explanations)
    assert simulated_note(request, theirs).json() == note.json()


def values_of(
    counted: Audit, published: Mapping[tuple[str, str | None], float]
) -> Mapping[tuple[str, str | None], float | None]:
    found: dict[tuple[str, str | None], float | None] = {**published}
    for (identifier, department), reading in counted.readings.items():
        indicator = shipped().indicator(identifier)
        if indicator.publication is None:
            found[identifier, department] = value_of(indicator, reading)
    return found


def published_on(
    recount: Ledger, until: date, known_on: date
) -> Mapping[tuple[str, str | None], float]:
    """Return what is published of persons on a day: the figures of the last period that is over."""
    history = known_then(known_on).histories["trainees_enrolled", None]
    assert history.publication is not None
    day = history.publication.day(until)
    return published_values(audit_ledger(recount, of_persons(), day, known_on))


@cache
def of_persons() -> Catalogue:
    return Catalogue(
        programmes=tuple(
            one
            for one in shipped().programmes
            if any(indicator.publication is not None for indicator in one.indicators)
        )
    )
