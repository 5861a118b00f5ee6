"""A check's verdict, and what it means for those that need it."""

from broker.errors import BrokerAddressError
from operations.doctor.check import Check, CheckStatus, Finding, NothingToLookAtError, examine


def fail() -> str:
    """Find something wrong."""
    raise BrokerAddressError("nowhere")


def find_nothing() -> str:
    """Have nothing to look at."""
    raise NothingToLookAtError(told="name it")


def test_what_is_well_is_told() -> None:
    """A check that raises nothing is well."""
    assert list(examine([Check("one", lambda: "fine")])) == [
        Finding("one", CheckStatus.WELL, "fine")
    ]


def test_what_is_wrong_stops_no_other_check() -> None:
    """Every fault is told at once, since each costs its operator a round."""
    findings = list(examine([Check("one", fail), Check("two", lambda: "fine")]))

    assert [finding.verdict for finding in findings] == [CheckStatus.WRONG, CheckStatus.WELL]
    assert "nowhere" in findings[0].told


def test_a_check_that_needs_a_wrong_one_names_it() -> None:
    """What would only repeat an earlier fault is not looked at, nor what needs that."""
    checks = [
        Check("one", fail),
        Check("two", lambda: "fine", needs=("one",)),
        Check("three", lambda: "fine", needs=("two",)),
    ]

    told = [(finding.verdict, finding.told) for finding in examine(checks)][1:]

    assert told == [
        (CheckStatus.NOT_LOOKED_AT, "put right first: one"),
        (CheckStatus.NOT_LOOKED_AT, "put right first: two"),
    ]


def test_nothing_to_look_at_is_no_fault() -> None:
    """A server that was not named is neither well nor wrong."""
    assert list(examine([Check("one", find_nothing)])) == [
        Finding("one", CheckStatus.NOT_LOOKED_AT, "name it")
    ]
