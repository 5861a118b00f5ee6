"""The programme's file that imports keep up to date."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalogue.errors import InvalidCatalogueError
from catalogue.loader import PROGRAMMES, load_catalogue
from events.document import read_document
from operations.importing.programme.programme_file import (
    ProgrammeFileError,
    declaration_text,
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


def test_nothing_new_leaves_the_file_alone(tmp_path: Path) -> None:
    """With its comments, and its date."""
    file = tmp_path / "pilote.yaml"
    write_declared(file, with_indicator(read_declared(file)))
    file.write_text(f"# Mine.\n{file.read_text()}")
    assert not write_declared(file, read_declared(file))
    assert file.read_text().startswith("# Mine.")


def test_nothing_at_all_makes_no_file(tmp_path: Path) -> None:
    """A programme without indicators is none."""
    assert not write_declared(tmp_path / "pilote.yaml", read_declared(tmp_path / "pilote.yaml"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", sorted(PROGRAMMES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_programme_can_be_written_again(tmp_path: Path, file: Path) -> None:
    """Whatever it declares, plain YAML comes back as the same data."""
    (tmp_path / "again.yaml").write_text(declaration_text(read_declared(file)))
    assert read_document(tmp_path / "again.yaml").data == read_document(file).data


@given(
    st.recursive(
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))
        | st.integers()
        | st.booleans()
        | st.none()
        | st.dates()
        | st.decimals(allow_nan=False, allow_infinity=False, places=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner),
        max_leaves=6,
    )
)
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    """Texts that look like numbers, days or flags too."""
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    file.write_text(declaration_text({"value": value}))
    document = read_document(file)
    assert document.diagnostics == []
    assert document.data == {"value": value}
    assert yaml.safe_load(file.read_text())


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
