"""Coverage of communes."""

from datetime import date

import pytest
from pydantic import ValidationError

from events.broadband import BroadbandCoverageReported


def reported(*, premises: int, connectable: int) -> BroadbandCoverageReported:
    return BroadbandCoverageReported(
        insee="77288", as_of=date(2018, 3, 31), premises=premises, connectable_premises=connectable
    )


def test_full_coverage_is_accepted() -> None:
    assert reported(premises=10, connectable=10).attributes()["department"] == "77"


def test_an_empty_commune_is_accepted() -> None:
    assert reported(premises=0, connectable=0).premises == 0


def test_more_than_all_is_refused() -> None:
    with pytest.raises(ValidationError, match="more than the commune's `premises`"):
        reported(premises=10, connectable=11)
