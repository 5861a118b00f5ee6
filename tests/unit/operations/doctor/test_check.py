"""A check's verdict, and what it means for those that need it."""

from boundary.errors import SmartRegionError
from operations.doctor.check import Check, CheckStatus, Finding, NothingToCheckError, run_checks


def fail() -> str:
    raise SmartRegionError("broker: is not an address, value nowhere")


def find_nothing() -> str:
    raise NothingToCheckError("name it")


def test_what_passes_is_reported() -> None:
    assert list(run_checks([Check("one", lambda: "fine")])) == [
        Finding("one", CheckStatus.OK, "fine")
    ]


def test_what_is_wrong_stops_no_other_check() -> None:
    findings = list(run_checks([Check("one", fail), Check("two", lambda: "fine")]))

    assert [finding.verdict for finding in findings] == [CheckStatus.WRONG, CheckStatus.OK]
    assert "nowhere" in findings[0].message


def test_a_check_that_needs_a_wrong_one_names_it() -> None:
    checks = [
        Check("one", fail),
        Check("two", lambda: "fine", needs=("one",)),
        Check("three", lambda: "fine", needs=("two",)),
    ]

    message = [(finding.verdict, finding.message) for finding in run_checks(checks)][1:]

    assert message == [
        (CheckStatus.SKIPPED, "put right first: one"),
        (CheckStatus.SKIPPED, "put right first: two"),
    ]


def test_nothing_to_check_is_no_fault() -> None:
    assert list(run_checks([Check("one", find_nothing)])) == [
        Finding("one", CheckStatus.SKIPPED, "name it")
    ]
