"""The texts of amounts on the pages of evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest
from starlette.requests import Request

from catalogue.history import History, StepFunction
from catalogue.model import Indicator
from catalogue.publication import counts_persons
from report.evidence_pages import Paging, evidence_page
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.page_request import PageRequest
from report.rendering import Pages
from report.standing import amount_text, moved_text
from tests.support.audits import INDICATOR
from tests.support.knowledge import LAST_DAY, knowledge, shipped, simulated_records, view
from tests.support.measures import paid_of_committed
from tests.support.observations import barometer
from tests.support.served_page import COMPLETE


@pytest.mark.parametrize(
    ("indicator", "amount", "told", "moved"),
    [
        ("schools_connected_ratio", 6, "6", "+6"),
        ("workstations_created", -1200, "−1\u202f200", "−1\u202f200"),
        ("grants_committed_euros", 150_050, "1\u202f500,50\u00a0€", "+1\u202f500,50\u00a0€"),
        ("premises_in_fibre", 241_941_000_000, "241\u202f941", "+241\u202f941"),
    ],
)
def test_an_amount_of_a_term_and_its_change_are_in_its_own_unit(
    indicator: str, amount: int, told: str, moved: str
) -> None:
    assert amount_text(shipped().indicator(indicator), amount) == told
    assert moved_text(shipped().indicator(indicator), amount) == moved


def test_terms_of_a_ratio_of_amounts_are_euros() -> None:
    catalogue = paid_of_committed()
    paid = catalogue.indicator(INDICATOR)
    assert amount_text(paid, 150_050) == "1\u202f500,50\u00a0€"
    assert moved_text(paid, -150_050) == "−1\u202f500,50\u00a0€"

    history = History(
        StepFunction((LAST_DAY,), (120_000,)), StepFunction((LAST_DAY,), (150_050,)), (LAST_DAY,)
    )
    known = Knowledge(catalogue, {(INDICATOR, None): history}, {})
    standing = known.standing(paid, None, LAST_DAY)
    assert standing.parts.text == "1\u202f200\u00a0€ sur 1\u202f500,50\u00a0€"


def test_an_observed_percentage_is_one_in_its_evidence() -> None:
    share = barometer().indicator("fibre_ratio")
    assert amount_text(share, 71_500_000) == "71,5\u00a0%"
    assert moved_text(share, -1_500_000) == "−1,5\u00a0point"


ASKED = Request({"type": "http", "raw_path": b"/promesses/x/preuves"})
CHANCE = Random(36)
DAYS = [LAST_DAY - timedelta(days=CHANCE.randrange(3 * 365)) for _ in range(20)]
COUNTED = [one for one in shipped().indicators if not counts_persons(one)]


@pytest.fixture(scope="module")
def ledger() -> Iterator[EventLedger]:
    with EventLedger(threads=1) as opened:
        opened.append(simulated_records())
        yield opened


def shown_amounts(html: str) -> Iterator[list[Fraction]]:
    for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", html, re.DOTALL):
        yield [read(cell) for cell in re.findall(r"<td class=\"number\">(.*?)</td>", row)]


def read(text: str) -> Fraction:
    return Fraction(re.sub(r"[^-\d.]", "", text.replace(",", ".").replace("\u2212", "-")))


@pytest.mark.slow
@pytest.mark.parametrize("indicator", COUNTED, ids=lambda one: one.id)
def test_the_rows_add_up_to_the_total_as_shown(
    indicator: Indicator, ledger: EventLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("report.evidence_pages.ROWS", 10_000)
    pages = Pages(shipped())
    for number, day in enumerate(DAYS):
        asked = PageRequest(ASKED, shipped(), view(day), knowledge(), COMPLETE)
        page = evidence_page(knowledge(), ledger, indicator, view(day), page=1)
        html = pages.entities("evidence.html", page, asked)
        totals = re.search(r"Total des contributions : (.+?)(?: sur (.+?))?[,.] ", html)
        assert totals is not None
        assert not page.differs
        expected = [read(one) for one in totals.groups() if one is not None]
        rows = list(shown_amounts(html))
        assert [sum(column) for column in zip(*rows, strict=True)] == (expected if rows else [])

        if number > 3:
            continue  # A change takes longer, and adds up by the same function.
        since = day - timedelta(days=90)
        changed = evidence_page(knowledge(), ledger, indicator, view(day), since=since, page=1)
        html = pages.entities("changes.html", changed, asked)
        totals = re.search(r"Somme des changements : (.+?)(?: au num.+?, (.+?) au d.+?)?\.", html)
        assert totals is not None
        moves = [
            [after - before for before, after in zip(row[::2], row[1::2], strict=True)]
            for row in shown_amounts(html)
        ]
        expected = [read(one) for one in totals.groups() if one is not None]
        assert [sum(column) for column in zip(*moves, strict=True)] == (expected if moves else [])


@pytest.mark.parametrize(
    ("page", "rows", "told"),
    [
        (1, 0, "aucune ligne"),
        (1, 1, "ligne 1 sur 1"),
        (1, 2, "lignes 1 à 2 sur 2"),
        (2, 51, "ligne 51 sur 51"),
        (1, 1200, "lignes 1 à 50 sur 1\u202f200"),
    ],
)
def test_one_row_is_one(page: int, rows: int, told: str) -> None:
    assert Paging(page, rows).text == told
