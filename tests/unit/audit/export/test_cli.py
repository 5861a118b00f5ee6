"""What the command does without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.export.document import dictionary_text
from broker.reading import Extent
from broker.stored_record import RawRecord
from events.fact import Family
from events.topics import topic_name
from smart_region import main
from streams.decisions import Decisions


def test_the_dictionary_needs_no_broker(tmp_path: Path) -> None:
    out = tmp_path / "dictionary.json"
    arguments = ["export", "--dictionary", "--format", "json", "--out", str(out)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert out.read_text() == dictionary_text("json")


def test_refuses_what_is_no_database_before_it_reads_anything() -> None:
    """It was said after minutes, once all figures were there."""
    environment = {"SMART_REGION_BROKER": "127.0.0.1:1"}
    done = CliRunner().invoke(main, ["export", "--to", "nonsense"], env=environment)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: database: is not as libpq has it")


def test_refuses_a_day_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_CLOCK", "2020-12-31")
    done = CliRunner().invoke(main, ["export", "--as-of", "2021-01-01"])
    assert done.exit_code == 2
    assert "the clock says 2020-12-31" in done.output


def test_says_what_is_deleted_of_the_events_that_it_counts_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The figures lack it, and are written as those of that time."""
    grants = topic_name(Family.GRANTS)

    def read(_: str, *, topics: list[str], extent: Extent, **__: object) -> Iterator[RawRecord]:
        extent.starts = {f"{grants}[3]": 17} if grants in topics else {}
        return iter(())

    monkeypatch.setattr("streams.topic_fold.read_topics", read)
    monkeypatch.setattr("streams.topic_fold.read_decisions", lambda *_, **__: Decisions())
    monkeypatch.setattr("streams.decisions.read_decisions", lambda *_, **__: Decisions())

    for form in ("csv", "pilote"):
        arguments = ["--as-of", "2018-12-31", "--known-on", "2018-12-31", "--format", form]
        done = CliRunner().invoke(main, ["export", *arguments])
        lines = done.stderr.splitlines()
        assert done.exit_code == 0
        assert [line.partition(":")[0] for line in lines] == [f"{grants}[3]"] * (form == "csv")
        assert all("begins at offset 17" in line for line in lines)
