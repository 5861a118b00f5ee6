"""The file beside the programmes that says from when the broker's clock decides."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from catalogue.loader import PROGRAMMES, load_catalogue, load_recording
from events.declaration import InvalidDeclarationError
from streams.settings import load_settings


def test_without_the_file_time_alone_decides() -> None:
    assert load_recording().live_since is None
    assert load_settings().record_rules().live_since is None


def test_the_file_is_no_programme_and_sets_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copytree(PROGRAMMES, tmp_path / "programmes")
    (folder / "recording.yaml").write_text("live_since: 2026-01-01\nlateness_hours: 24\n")
    monkeypatch.setenv("SMART_REGION_CATALOGUE", str(folder))

    rules = load_settings().record_rules()
    assert (rules.live_since, rules.lateness) == (date(2026, 1, 1), timedelta(days=1))
    assert load_catalogue(folder) == load_catalogue()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("live_since: yesterday\n", "live_since"),
        ("lateness_hours: -1\n", "lateness_hours"),
        ("since: 2026-01-01\n", "since"),
    ],
)
def test_a_mistake_names_its_field_and_line(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "recording.yaml").write_text(text)
    with pytest.raises(InvalidDeclarationError, match=rf"recording\.yaml:1.*{named}"):
        load_recording(tmp_path)
