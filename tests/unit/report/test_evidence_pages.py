"""The texts of amounts on the pages of evidence."""

from __future__ import annotations

import pytest

from report.evidence_pages import moved_text
from tests.support.knowledge import shipped


@pytest.mark.parametrize(
    ("indicator", "amount", "told"),
    [
        ("schools_connected_ratio", 6, "+6"),
        ("workstations_created", -1200, "−1\u202f200"),
        ("grants_committed_euros", 150_000, "+1\u202f500\u00a0€"),
    ],
)
def test_a_change_of_a_term_is_in_its_own_unit(indicator: str, amount: int, told: str) -> None:
    """Six lycées more are six, not six hundred points; cents are euros."""
    assert moved_text(shipped().indicator(indicator), amount) == told
