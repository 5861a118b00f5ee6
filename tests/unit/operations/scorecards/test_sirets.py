"""The list of known organisations."""

from __future__ import annotations

from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from operations.scorecards.references import read_sirets

FIRST, SECOND = "23750007900312", "13002526500013"


@pytest.mark.parametrize(
    "text",
    [
        f"{FIRST}\n{SECOND}\n",
        f"\ufeffsiret;nom\r\n{FIRST};Région\r\n\r\n{SECOND};DINUM\r\n",
        f'"{FIRST}","Région"\n"{SECOND}",\n',
        f"237 500 079 00312\n{SECOND}",
    ],
    ids=["alone", "with headings", "quoted", "with spaces"],
)
def test_a_siret_begins_each_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sirets.csv"
    file.write_text(text, encoding="utf-8", newline="")

    assert read_sirets(file) == {FIRST, SECOND}


def test_what_is_no_siret_is_reported_with_its_line(tmp_path: Path) -> None:
    """A list that is half read would make known organisations unknown."""
    file = tmp_path / "sirets.csv"
    file.write_text(f"{FIRST}\nRégion;{SECOND}\n", encoding="utf-8")

    with pytest.raises(SmartRegionError, match=rf"{file}:2: .*'Région'"):
        read_sirets(file)


def test_a_missing_list_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SmartRegionError, match="check its name"):
        read_sirets(tmp_path / "missing")
