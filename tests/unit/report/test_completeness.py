"""What a page says of how complete its figures are."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from report.completeness import Completeness
from streams.assessor.assessor import AssessorSnapshot

DAY = date(2020, 12, 31)


def said(lag: int = 0, **seen: Any) -> Completeness:
    return Completeness.of(AssessorSnapshot(as_of=DAY, lag=lag, assessment=None, **seen))


@pytest.mark.parametrize("seen", [{}, {"lag": 1}, {"lag": 3}])
def test_all_that_came_is_counted(seen: dict[str, Any]) -> None:
    found = said(ages={0: 4.0, 1: 19.0}, **seen)
    assert found.is_complete
    assert found.text == "Chiffres complets : tous les faits reçus sont comptés."


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ({"overdue": 1, "lag": 3}, "incomplets : 1 évènement reçu n’est pas encore compté."),
        ({"overdue": 2}, "incomplets : 2 évènements reçus ne sont pas encore comptés."),
        ({"overdue": 12_000, "ages": {0: 21.4}}, "12\u202f000 évènements reçus"),
        ({"lag": 3, "ages": {0: 1.0, 1: 21.4}}, "n’a pas été confirmée depuis 21 s"),
    ],
)
def test_what_is_missing_is_said(seen: dict[str, Any], text: str) -> None:
    found = said(**seen)
    assert not found.is_complete
    assert text in found.text
