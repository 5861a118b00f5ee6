"""An audit as people read it."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from audit.recount import audit_records
from audit.report import print_audit
from tests.support.audits import raw_record
from tests.support.observations import barometer, observation_events, observed


@pytest.mark.parametrize(
    ("value", "shown"),
    [("21.375", "21,38"), ("-0.5", "−0,50"), ("1200", "1\u202f200,00"), (None, "–")],
)
def test_what_was_observed_is_not_counted(value: str | None, shown: str) -> None:
    day = "never" if value is None else "2018-01-01"
    events = [observed("IND-101", "R11", "2018-01-01", value)]
    audit = audit_records(
        map(raw_record, observation_events(events)), barometer(), date(2018, 6, 30)
    )
    out = StringIO()
    print_audit(audit, Console(file=out, width=120))
    (line,) = (line for line in out.getvalue().splitlines() if "waiting_days" in line)
    assert [cell for cell in line.split(" ") if cell] == ["waiting_days", shown, "observed", day]
