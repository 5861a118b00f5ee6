"""The command `smart-region producers report`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from broker.stored_record import RawRecord
from smart_region import main
from streams.decisions import Decisions
from tests.support.audits import raw
from tests.support.histories import uai

SOURCE = "urn:iledefrance:lycees"


@pytest.fixture(autouse=True)
def topics(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    asked: list[Any] = []

    def read(_: str, *, topics: object = None, **__: object) -> Iterator[RawRecord]:
        asked.append(topics)
        if topics is None:
            yield raw("school.connected", uai("0750001"), "2018-01-01", source=SOURCE)
        else:
            yield RawRecord("smartregion.dead-letters", 0, 0, None, b"not one of ours")

    monkeypatch.setattr("broker.reading.read_topics", read)
    monkeypatch.setattr("streams.decisions.read_decisions", lambda *_, **__: Decisions())
    return asked


def report(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(
        main,
        ["producers", "report", *arguments],
        env={"SMART_REGION_CLOCK": "2018-03-01", **environ},
    )


def test_reports_on_the_shipped_producers(topics: list[Any]) -> None:
    result = report("--producer", "lycees")

    assert result.exit_code == 0
    assert "accepted    1 event\n" in result.stdout
    assert "Scorecard of 2018-03-01" in result.stdout
    assert None in topics
    assert ["smartregion.dead-letters"] in topics


def test_a_list_without_references_is_a_mistake(tmp_path: Path) -> None:
    result = report("--sirets", str(tmp_path / "sirets"))

    assert result.exit_code == 2
    assert "add --references" in result.stderr


def test_an_undeclared_producer_is_reported_in_one_line(topics: list[Any]) -> None:
    result = report("--producer", "lycee")

    assert (result.exit_code, topics) == (2, [])
    assert "name one of lycees, equipement" in result.stderr
