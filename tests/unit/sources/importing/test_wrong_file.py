"""Files that another command takes."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import pytest

from boundary.errors import SmartRegionError
from sources.importing.mapping import load_mapping, mapping_names
from sources.importing.pilote import LAYOUT
from sources.importing.run import commands_for, opened
from sources.importing.table import HeadingError
from tests.support.tables import write_file


@pytest.mark.parametrize("name", mapping_names())
def test_a_file_of_a_mapping_is_taken_by_it(tmp_path: Path, name: str) -> None:
    """Named with its mapping, and others that have the same columns."""
    layout = load_mapping(name).layout
    file = write_file(tmp_path, f"{';'.join(layout.columns)}\n{';' * (len(layout.columns) - 1)}\n")
    with pytest.raises(SmartRegionError) as wrong:
        opened(file, LAYOUT)
    assert f"`smart-region import csv --mapping {name} {quote(str(file))}`" in str(wrong.value)


def test_the_command_can_be_pasted(tmp_path: Path) -> None:
    """With the folder as given, quoted; each mapping of a file with several says what it makes."""
    folder = tmp_path / "Arcep 2018"
    folder.mkdir()
    file = write_file(folder, "code_commune,trimestre,locaux_raccordables\n75056,T3 2017,1\n")
    command, what = "smart-region import csv --mapping arcep_ftth", "Locaux raccordables à la fibre"
    assert commands_for(file) == [
        f"`{command}_departements '{file}'` ({what}, par département (Arcep))",
        f"`{command}_region '{file}'` ({what}, pour la région (Arcep))",
    ]


def test_a_file_of_pilote_is_named_to_a_mapping(tmp_path: Path) -> None:
    """Whatever else is in it."""
    file = write_file(tmp_path, "IDENTIFIANT_INDIC,zone_id,note,date_valeur,type_valeur,valeur\n")
    with pytest.raises(SmartRegionError) as wrong:
        opened(file, load_mapping("lycees_raccordes").layout)
    assert str(wrong.value) == (
        f"{file}:1: heading: is that of another kind of file (uai is not a column):"
        f" take it with `smart-region import pilote {quote(str(file))}`"
    )


def test_events_are_emitted(tmp_path: Path) -> None:
    """One JSON object a line, or a list of them."""
    for text in ('{"specversion":"1.0"}\n', '[\n {"specversion": "1.0"}]'):
        file = write_file(tmp_path, text)
        assert commands_for(file) == [f"`smart-region emit {quote(str(file))}`"]


def test_what_no_command_takes_is_reported_by_its_column(tmp_path: Path) -> None:
    """As before."""
    file = write_file(tmp_path, "identifiant;zone_id;date_valeur;type_valeur;valeur\n")
    with pytest.raises(HeadingError, match="rename 'identifiant'"):
        opened(file, LAYOUT)
