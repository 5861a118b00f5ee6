"""The texts of amounts on the pages of evidence."""

from __future__ import annotations

import pytest

from catalogue.history import History, StepFunction
from catalogue.model import Unit
from report.data import rows_of
from report.evidence_pages import Paging, moved_text
from report.knowledge import Knowledge
from report.standing import amount_text
from tests.support.audits import INDICATOR
from tests.support.knowledge import LAST_DAY, knowledge, shipped, view
from tests.support.measures import paid_of_committed
from tests.support.observations import barometer
from tests.support.served_page import COMPLETE


@pytest.mark.parametrize(
    ("indicator", "amount", "told"),
    [
        ("schools_connected_ratio", 6, "+6"),
        ("workstations_created", -1200, "−1\u202f200"),
        ("grants_committed_euros", 150_000, "+1\u202f500\u00a0€"),
        ("premises_in_fibre", 241_941_000_000, "+241\u202f941"),
    ],
)
def test_a_change_of_a_term_is_in_its_own_unit(indicator: str, amount: int, told: str) -> None:
    """Six lycées more are six, not six hundred points; cents are euros."""
    assert moved_text(shipped().indicator(indicator), amount) == told


@pytest.mark.parametrize(
    ("indicator", "amount", "told"),
    [
        ("schools_connected_ratio", 448, "448"),
        ("grants_committed_euros", 150_050, "1\u202f500\u00a0€"),
        ("premises_in_fibre", 5_407_400_000_000, "5\u202f407\u202f400"),
    ],
)
def test_an_amount_of_a_term_adds_up_to_the_figure(indicator: str, amount: int, told: str) -> None:
    """What was observed is kept in millionths, and shown as the figure is."""
    assert amount_text(shipped().indicator(indicator), amount) == told


def test_terms_of_a_ratio_of_amounts_are_euros() -> None:
    """What is paid of what is committed is added up in cents, which no reader expects."""
    catalogue = paid_of_committed()
    paid = catalogue.indicator(INDICATOR)
    assert amount_text(paid, 150_050) == "1\u202f500\u00a0€"
    assert moved_text(paid, -150_050) == "−1\u202f501\u00a0€"

    history = History(
        StepFunction((LAST_DAY,), (120_000,)), StepFunction((LAST_DAY,), (150_050,)), (LAST_DAY,)
    )
    known = Knowledge(catalogue, {(INDICATOR, None): history}, {})
    standing = known.standing(paid, None, LAST_DAY)
    assert standing.parts.text == "1\u202f200\u00a0€ sur 1\u202f500\u00a0€"
    (row,) = rows_of([standing], view(), COMPLETE)
    assert (row["numerator"], row["denominator"]) == (1200.0, 1500.5)


def test_an_observed_percentage_is_one_in_its_evidence() -> None:
    """Not a number of millionths."""
    share = barometer().indicator("fibre_ratio")
    assert amount_text(share, 71_500_000) == "71,5\u00a0%"
    assert moved_text(share, -1_500_000) == "−1,5\u00a0point"


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
    """The rows of a page are counted in French."""
    assert Paging(page, rows).text == told


def test_only_a_ratio_has_terms_in_the_data() -> None:
    """Cents and millionths beside a number would be taken for it."""
    day = view()
    rows = {
        row["indicator"]: row for row in rows_of(knowledge().standings(LAST_DAY), day, COMPLETE)
    }
    for indicator in shipped().indicators:
        row = rows[indicator.id]
        is_ratio = indicator.unit is Unit.RATIO and row["number"] is not None
        assert (row["numerator"] is not None) == is_ratio
        assert (row["denominator"] is not None) == is_ratio
