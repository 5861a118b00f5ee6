"""The journal of what was sent."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.school import SchoolClosed
from sources.importing.journal import SendStatus, SentEvent, open_journal
from tests.support.facts import cloud_events
from tests.support.rights import mode

CLAIM = SentEvent(b"fact", 10, b"five")
LATER = replace(CLAIM, time=20, content=b"six")


def standing(
    file: Path, claim: SentEvent, destination: str = "kafka:9092", **how: bool
) -> SendStatus:
    with open_journal(file, destination, **how) as journal:
        return journal.status_of(claim)


def note(file: Path, *claims: SentEvent, destination: str = "kafka:9092", **how: bool) -> None:
    with open_journal(file, destination, **how) as journal:
        journal.note(claims)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a journal in a folder that is yet to be made."""
    return tmp_path / "new" / "journal.sqlite3"


@pytest.mark.parametrize(
    ("noted", "claim", "expected"),
    [
        ([CLAIM], CLAIM, SendStatus.KNOWN),
        ([CLAIM], replace(CLAIM, fact=b"other"), SendStatus.NEW),
        # A file that was only touched adds nothing.
        ([CLAIM], replace(CLAIM, time=99), SendStatus.KNOWN),
        # A correction is new, and so is its undoing; what was corrected since is still known.
        ([CLAIM], LATER, SendStatus.NEW),
        ([CLAIM, LATER], replace(CLAIM, time=30), SendStatus.NEW),
        ([CLAIM, LATER], CLAIM, SendStatus.KNOWN),
        # It was never sent, and would not count.
        ([LATER], CLAIM, SendStatus.OUTDATED),
        ([CLAIM], replace(CLAIM, content=b"six"), SendStatus.CONTRADICTION),
    ],
)
def test_an_event_is_compared_with_what_was_sent_there(
    file: Path, noted: list[SentEvent], claim: SentEvent, expected: SendStatus
) -> None:
    note(file, *noted)
    assert standing(file, claim) is expected
    assert standing(file, claim, "other:9092") is SendStatus.NEW


def test_everything_is_new_again_on_demand(file: Path) -> None:
    """For a broker that has lost it; what arrives is noted as ever."""
    note(file, CLAIM)
    assert standing(file, CLAIM, again=True) is SendStatus.NEW


def test_a_rehearsal_leaves_no_trace(file: Path) -> None:
    note(file, CLAIM, rehearsal=True)
    assert not file.exists()
    note(file, CLAIM)
    note(file, LATER, rehearsal=True)
    assert standing(file, CLAIM, rehearsal=True) is SendStatus.KNOWN
    assert standing(file, LATER) is SendStatus.NEW


def test_a_file_that_is_no_journal_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("not a journal, but rather long, as a file may be" * 50)
    with pytest.raises(SmartRegionError, match="--journal: cannot be used"):
        standing(tmp_path / "journal", CLAIM)


@given(st.data())
def test_a_claim_is_the_fact_and_not_the_event(data: st.DataObject) -> None:
    event = data.draw(cloud_events())
    assert SentEvent.of(replace(event, id="another")) == SentEvent.of(event)
    other = data.draw(cloud_events())
    same = (other.source, other.type, other.fact.entity_id, other.fact.effective_day) == (
        event.source,
        event.type,
        event.fact.entity_id,
        event.fact.effective_day,
    )
    assert (SentEvent.of(other).fact == SentEvent.of(event).fact) is same


class Widened(SchoolClosed):
    """A fact to which a release adds an optional field."""

    ceremony: bool = False


def test_a_field_that_a_release_adds_contradicts_nothing_that_was_sent() -> None:
    said: dict[str, Any] = {"uai": "0750419Y", "closed_on": date(2019, 3, 11)}

    def claim(fact: SchoolClosed) -> SentEvent:
        return SentEvent.of(CloudEvent("1", "/lycees", datetime(2019, 3, 11, tzinfo=UTC), fact))

    assert claim(Widened(**said)) == claim(SchoolClosed(**said))
    assert claim(Widened(**said, ceremony=True)) != claim(SchoolClosed(**said))
    assert claim(SchoolClosed(**said, retracted=True)) != claim(SchoolClosed(**said))


def test_a_journal_is_its_owners_alone(file: Path) -> None:
    """Who can guess what was sent could look whether it was; one of before is closed too."""
    note(file, CLAIM)
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)

    file.chmod(0o644)
    note(file, LATER)
    assert mode(file) == 0o600
