"""The check of this machine's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from boundary.errors import SmartRegionError
from operations.doctor.check import NothingToCheckError
from operations.doctor.clocks import MOST_SECONDS, check_clocks, clock_at
from operations.programs.addresses import free_address
from tests.support.prometheus_stub import prometheus_stub

NOON = datetime(2019, 6, 30, 12, tzinfo=UTC)
URL = "http://there"


def compare(theirs: datetime | None) -> str:
    return check_clocks([URL], now=lambda: NOON, read_clock=lambda _: theirs)


def test_clocks_that_agree_are_named() -> None:
    """Half a minute is what a busy server may take to answer."""
    assert URL in compare(NOON + timedelta(seconds=MOST_SECONDS))


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (5, "this machine: the clock is 300 s behind the clock of http://there"),
        (-5, "http://there: the clock is 300 s behind the clock of this machine"),
    ],
)
def test_a_clock_that_is_off_says_which_way(minutes: int, message: str) -> None:
    with pytest.raises(SmartRegionError, match=message):
        compare(NOON + timedelta(minutes=minutes))


def test_without_another_clock_there_is_nothing_to_check() -> None:
    with pytest.raises(NothingToCheckError):
        compare(None)


def test_every_response_of_a_server_has_its_time() -> None:
    with prometheus_stub() as stub:
        theirs = clock_at(stub.url)

    assert theirs is not None
    assert abs(datetime.now(UTC) - theirs) < timedelta(minutes=1)


def test_an_unavailable_server_has_no_time() -> None:
    assert clock_at(f"http://{free_address()}") is None
