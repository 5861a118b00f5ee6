"""One value for each key."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from events.observation import Territory
from operations.importing.event_building import LineOrigin
from operations.importing.findings import SkippedLine
from operations.importing.pilote import PiloteValue, ValueKind
from operations.importing.programme.merging import Promise
from operations.importing.programme.pilote import CORRECTED, Promises
from operations.importing.sender import REPEATED
from tests.support.tables import RECORDED

FIRST = Promise(
    PiloteValue("IND-042", Territory.PARIS, date(2020, 1, 1), ValueKind.TARGET, Decimal(5)),
    LineOrigin("a.csv", 2, {"valeur": "5"}, {}),
    RECORDED,
)


def other(*, value: int = 5, hours: int = 0, file: str = "a.csv") -> Promise:
    """Return the same key on line 9."""
    return Promise(
        replace(FIRST.value, value=Decimal(value)),
        LineOrigin(file, 9, {"valeur": str(value)}, {}),
        RECORDED + timedelta(hours=hours),
    )


def taken(*promises: Promise) -> Promises:
    """Take promises in this order."""
    kept = Promises()
    for promise in promises:
        kept.take(promise)
    return kept


def test_a_repeated_line_is_left_aside() -> None:
    """It says nothing new."""
    promises = taken(FIRST, other(hours=1))
    assert list(promises.kept()) == [FIRST]
    assert list(promises.others()) == [SkippedLine(9, REPEATED)]


def test_lines_of_one_time_may_not_differ() -> None:
    """The second is refused, with the line of the first."""
    (refusal,) = taken(FIRST, other(value=6)).others()
    assert str(refusal) == (
        "a.csv:9: valeur: contradicts line 2, about the same on the same day, value '6':"
        " keep one of the two"
    )
    (refusal,) = taken(FIRST, other(value=6, file="b.csv")).others()
    assert "contradicts a.csv:2" in str(refusal)


def test_the_later_file_corrects_the_earlier_one() -> None:
    """In whichever order they are given."""
    later = other(value=6, hours=1)
    for order in ((FIRST, later), (later, FIRST)):
        promises = taken(*order)
        assert list(promises.kept()) == [later]
        assert list(promises.others()) == [SkippedLine(2, CORRECTED)]
