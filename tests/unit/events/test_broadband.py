"""Coverage of communes."""

from datetime import date

import pytest
from pydantic import ValidationError

from events.broadband import BroadbandCoverageReported


def reported(*, premises: int, connectable: int) -> BroadbandCoverageReported:
    """A report on Melun."""
    return BroadbandCoverageReported(
        insee="77288", as_of=date(2018, 3, 31), premises=premises, connectable_premises=connectable
    )


def test_full_coverage_is_accepted() -> None:
    """Every premises may be connectable."""
    assert reported(premises=10, connectable=10).attributes()["department"] == "77"


def test_an_empty_commune_is_accepted() -> None:
    """A commune without premises reports zero of zero."""
    assert reported(premises=0, connectable=0).premises == 0


def test_more_than_all_is_refused() -> None:
    """No more premises can be connectable than there are."""
    with pytest.raises(ValidationError, match="more than the commune's `premises`"):
        reported(premises=10, connectable=11)
