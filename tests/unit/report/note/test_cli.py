"""The command `smart-region note`, without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import report.past
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.past import knowledge_on
from smart_region import main
from streams.clock import SystemClock
from tests.support.histories import event, uai
from tests.support.knowledge import shipped
from tests.support.ledgers import ledger_of

if TYPE_CHECKING:
    from catalogue.model import Catalogue
    from streams.settings import Settings

EVENTS = [
    event("school.registered", uai("0750001"), "2018-01-01", name="Lycée A"),
    event("school.connected", uai("0750001"), "2018-03-10"),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    days: list[date] = []

    @contextmanager
    def source(
        _: Settings, catalogue: Catalogue, known_on: date
    ) -> Iterator[tuple[Knowledge, EventLedger]]:
        days.append(known_on)
        with ledger_of(EVENTS) as ledger:
            yield knowledge_on(ledger, [], catalogue, known_on), ledger

    monkeypatch.setattr(report.past, "events_known_on", source)
    monkeypatch.setenv("SMART_REGION_CLOCK", "2018-04-15")
    return days


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["note", *map(str, arguments)])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pdf", "html", "md", "json"])
def test_the_note_of_a_month_is_written(asked: list[date], tmp_path: Path, form: str) -> None:
    out, data = tmp_path / f"note.{form}", tmp_path / "data.json"
    result = run("--month", "2018-03", "--out", out)
    run("--month", "2018-03", "--out", data)

    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}: {sha256(data.read_bytes()).hexdigest()}\n"
    assert out.stat().st_size
    assert asked == [date(2018, 3, 31)] * 2


def test_without_a_month_it_is_the_last_one_that_is_over(asked: list[date], tmp_path: Path) -> None:
    out = tmp_path / "note.md"
    result = run("--out", out)

    assert result.exit_code == 0, result.output
    assert "note de mars 2018" in out.read_text(encoding="utf-8")
    assert asked == [date(2018, 3, 31)]


def test_it_may_be_known_later(asked: list[date], tmp_path: Path) -> None:
    out = tmp_path / "note.html"
    result = run(
        "--month",
        "2018-03",
        "--known-on",
        "2018-04-10",
        "--programme",
        "lycees",
        "--page",
        "https://page.example/region",
        "--out",
        out,
    )

    assert result.exit_code == 0, result.output
    assert asked == [date(2018, 4, 10)]
    page = out.read_text(encoding="utf-8")
    address = "promesses/schools_connected_ratio/preuves?as_of=2018-03-31&amp;known_on=2018-04-10"
    assert f'href="https://page.example/region/{address}"' in page
    assert shipped().programmes[1].title not in page


@pytest.mark.parametrize(
    ("now", "month", "known_on", "status"),
    [
        ("2018-03-31T23:59:58", "2018-03", "2018-03-31", 2),
        ("2018-03-31T23:59:59", "2018-03", "2018-03-31", 0),
        ("2018-02-28T12:00:00", "2018-02", "2018-02-28", 2),
        ("2020-02-28T23:59:59", "2020-02", "2020-02-29", 2),
        ("2018-04-10T12:00:00", "2018-03", "2018-04-10", 2),
        ("2018-04-10T12:00:00", "2018-03", "2018-04-09", 0),
    ],
)
def test_a_day_that_is_not_over_has_no_note(
    asked: list[date],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    now: str,
    month: str,
    known_on: str,
    status: int,
) -> None:
    """What is recorded later that day would be missing, in a note "à la fin du" that day."""
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    monkeypatch.setattr(SystemClock, "now", lambda _: moment)
    monkeypatch.setenv("SMART_REGION_CLOCK", "system")
    result = run("--month", month, "--known-on", known_on, "--out", tmp_path / "note.md")
    assert result.exit_code == status, result.output
    assert bool(asked) is (status == 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say where the note goes: --out FILE, or --mail"),
        (["--out", "note.docx"], "end it with one of .pdf, .html, .md, .json"),
        (["--mail"], "--mail needs --contacts FILE"),
        (["--out", "n.md", "--month", "2018-3"], "write it as 2019-03"),
        (["--out", "n.md", "--month", "1999-12"], "is before all facts: name 2010-01 or a later"),
        (["--out", "n.md", "--month", "2018-04"], "is not over yet (the clock says 2018-04-15"),
        (["--out", "n.md", "--known-on", "2018-03-30"], "name a day from 2018-03-31"),
        (["--out", "n.md", "--known-on", "2018-04-16"], "to 2018-04-15, the last that is over"),
        (["--out", "n.md", "--programme", "x\x1b"], "is none of lycees, "),
    ],
)
def test_a_wrong_option_is_told(
    asked: list[date], arguments: list[str], told: str, tmp_path: Path
) -> None:
    del tmp_path
    result = run(*arguments)

    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert not asked


def test_mail_without_an_address_is_told(asked: list[date], tmp_path: Path) -> None:
    del asked
    contacts = tmp_path / "contacts.yaml"
    contacts.write_text("", encoding="utf-8")
    result = run("--month", "2018-03", "--mail", "--contacts", contacts)

    assert result.exit_code == 2
    assert "nobody receives the note" in result.stderr
