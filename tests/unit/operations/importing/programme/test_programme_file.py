"""The programme's file that imports keep up to date."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from catalogue.errors import InvalidCatalogueError
from catalogue.loader import load_catalogue
from operations.importing.programme.programme_file import (
    ProgrammeChangedError,
    ProgrammeFileError,
    read_declared,
    write_declared,
)


def with_indicator(declared: dict[str, Any]) -> dict[str, Any]:
    """Add an indicator."""
    entry = {
        "id": "ind_042",
        "title": "Oui : « non », c’est l’État…",
        "definition": "1:30",
        "unit": "count",
        "direction": "rising",
        "grain": "department",
        "measure": {"observed": "IND-042"},
        "periodicity": "irregular",
        "availability_delay_days": 0,
        "baselines": {"75": {"value": Decimal("-12.50"), "day": date(2020, 1, 1), "source": "no"}},
    }
    return {**declared, "indicators": [entry]}


def test_a_new_file_is_a_programme(tmp_path: Path) -> None:
    """Of which people write what is not known; it is read back as it was written."""
    file = tmp_path / "Baromètre 2024.yaml"
    declared = with_indicator(read_declared(file))
    assert write_declared(file, declared)
    assert read_declared(file) == declared
    assert load_catalogue(file).programmes[0].id == "barom_tre_2024"


@pytest.mark.parametrize("name", ["2024.yaml", "é.yaml", "-.yaml"])
def test_any_file_s_name_gives_an_id(tmp_path: Path, name: str) -> None:
    """A letter first, as ids have it."""
    write_declared(tmp_path / name, with_indicator(read_declared(tmp_path / name)))
    assert load_catalogue(tmp_path / name).programmes[0].id.startswith("pilote")


def test_what_somebody_wrote_meanwhile_stays(tmp_path: Path) -> None:
    """An import may take minutes, in which an owner saves another title."""
    file = tmp_path / "pilote.yaml"
    write_declared(file, with_indicator(read_declared(file)))
    before = read_declared(file)
    file.write_text(file.read_text().replace("Baromètre PILOTE", "Le baromètre"))
    mine = file.read_text()

    with pytest.raises(ProgrammeChangedError, match="was changed while the import ran"):
        write_declared(file, {**before, "owner": "Ailleurs"}, since=before)

    assert file.read_text() == mine
    assert write_declared(file, {**before, "title": "Le baromètre"}, since=read_declared(file)) is (
        False
    )


def test_nothing_new_leaves_the_file_alone(tmp_path: Path) -> None:
    """With its comments, and its date."""
    file = tmp_path / "pilote.yaml"
    write_declared(file, with_indicator(read_declared(file)))
    file.write_text(f"# Mine.\n{file.read_text()}")
    assert not write_declared(file, read_declared(file))
    assert file.read_text().startswith("# Mine.")


def test_what_the_owner_wrote_stays(tmp_path: Path) -> None:
    """A value that has changed is written in its place, between the owner's comments."""
    file = tmp_path / "pilote.yaml"
    write_declared(file, with_indicator(read_declared(file)))
    own = file.read_text().replace("day: 2020-01-01", "day: 2020-01-01 # the first")
    file.write_text(own.replace("    unit:", "    # One for each.\n    unit:"))
    declared = read_declared(file)
    declared["indicators"][0]["baselines"]["75"]["value"] = Decimal(7)

    assert write_declared(file, declared)

    text = own.replace("    unit:", "    # One for each.\n    unit:")
    assert file.read_text() == text.replace("value: -12.5", "value: 7")
    assert read_declared(file) == declared


def test_nothing_at_all_makes_no_file(tmp_path: Path) -> None:
    """A programme without indicators is none."""
    assert not write_declared(tmp_path / "pilote.yaml", read_declared(tmp_path / "pilote.yaml"))
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_is_refused_with_its_mistakes(tmp_path: Path) -> None:
    """Before anything is imported."""
    (tmp_path / "pilote.yaml").write_text("id: pilote\n")
    with pytest.raises(InvalidCatalogueError, match="title: is missing"):
        read_declared(tmp_path / "pilote.yaml")


def test_a_file_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    """It is named."""
    file = tmp_path / "absent" / "pilote.yaml"
    with pytest.raises(ProgrammeFileError, match="--catalogue: cannot be written"):
        write_declared(file, with_indicator(read_declared(file)))
