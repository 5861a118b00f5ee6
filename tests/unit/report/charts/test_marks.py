"""Marks and patterns: a status without its colour."""

import pytest

from catalogue.progress import MilestoneStatus
from report.charts.marks import filled, mark, patterns, status_class
from report.charts.svg import Drawing
from tests.support.drawings import parsed

DRAWING = Drawing("m", "", "")


def test_every_status_has_its_own_mark() -> None:
    marks = {mark(status, 0, 0).replace(status_class(status), "") for status in MilestoneStatus}

    assert len(marks) == len(MilestoneStatus)
    assert mark(None, 0, 0) == ""


@pytest.mark.parametrize("status", [*MilestoneStatus, None])
def test_a_pattern_is_defined_where_it_is_used(status: MilestoneStatus | None) -> None:
    attributes = filled(DRAWING, status, "bar")
    ids = [one.get("id") for one in parsed(patterns(DRAWING, [status, status])).iter("pattern")]

    assert status_class(status) in attributes["class_"]
    assert ids == ([attributes["fill"][5:-1]] if "fill" in attributes else [])
    assert ("fill" in attributes) != ("fill" in attributes["class_"].split())


def test_patterns_are_told_apart() -> None:
    found = list(parsed(patterns(DRAWING, MilestoneStatus)).iter("pattern"))

    assert len({one[1].get("d") for one in found}) == len(found) == 4
