"""Facts that lines state."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from events.school import SchoolConnected
from sources.importing.event_building import FoundEvent, LineOrigin, event_of_line, recorded_at
from tests.support.tables import RECORDED, write_file

FIELDS = {"uai": "0750419Y", "connected_on": date(2020, 1, 1), "downlink_mbps": 100}
ORIGIN = LineOrigin(
    "a.csv", 7, {"code": "0750419Y", "le": "01/01/2020"}, {"uai": "code", "connected_on": "le"}
)


def event_id(*, source: str = "urn:test", time: datetime = RECORDED, **fields: object) -> str:
    """Return the id of what the usual line states, with other fields."""
    (found,) = event_of_line(
        SchoolConnected, {**FIELDS, **fields}, ORIGIN, source=source, time=time
    )
    assert isinstance(found, FoundEvent)
    return found.event.id


def test_the_same_line_of_the_same_file_is_the_same_event() -> None:
    """And anything else another one."""
    others = {
        event_id(source="urn:other"),
        event_id(time=RECORDED + timedelta(seconds=1)),
        event_id(downlink_mbps=200),
        event_id(connected_on=date(2020, 1, 2)),
        event_id(retracted=True),
    }
    assert event_id() == event_id()
    assert len({event_id(), *others}) == 6


def test_a_file_s_own_date_is_when_it_was_recorded(tmp_path: Path) -> None:
    file = write_file(tmp_path, "")
    now = RECORDED + timedelta(days=1)
    assert recorded_at(file, None, now=now) == RECORDED
    given = datetime(2020, 1, 1, tzinfo=UTC)
    assert recorded_at(file, given, now=now) == given
    # The lines of a file from the future would win over every correction until then.
    with pytest.raises(SmartRegionError, match="say with --recorded-at"):
        recorded_at(file, None, now=RECORDED - timedelta(seconds=1))


@pytest.mark.parametrize("seconds", [-(10**12), 10**12])
def test_a_file_that_was_changed_in_no_year_is_dated(tmp_path: Path, seconds: int) -> None:
    """Some file systems keep any number."""
    file = write_file(tmp_path, "")
    real = file.stat()

    class File(type(file)):  # type: ignore[misc]
        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002
            return os.stat_result((*real[:8], seconds, real[9]))

    if seconds > 0:
        with pytest.raises(SmartRegionError, match="9999-12-31"):
            recorded_at(File(file), None, now=RECORDED)
    else:
        assert recorded_at(File(file), None, now=RECORDED).year == 1970
