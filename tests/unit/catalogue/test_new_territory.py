"""`smart-region territory new`: the file of another Région, from Insee's codes and names."""

from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from catalogue.new_territory import new_territory
from events.territory import TERRITORY, DeclaredTerritory, read_territory
from tests.support.commands import run_inside_with
from tests.support.regions import BRETAGNE, CORSE, LA_REUNION, OtherRegion, code_officiel

PARIS = """\
DEP,REG,LIBELLE
75,11,Paris
"""
ARRONDISSEMENTS = """\
typecom,com,reg,dep,libelle,comparent
COM,75056,11,75,Paris,
ARM,75101,11,75,Paris 1er Arrondissement,75056
ARM,75102,11,75,Paris 2e Arrondissement,75056
"""


def begun(folder: Path, region: str, *files: Path) -> DeclaredTerritory:
    file = folder / "territory.yaml"
    file.write_text(new_territory(region, files or code_officiel(folder)), encoding="utf-8")
    return read_territory(file)


@pytest.mark.parametrize("other", [BRETAGNE, CORSE, LA_REUNION])
def test_the_file_has_codes_and_names_and_is_right(tmp_path: Path, other: OtherRegion) -> None:
    made = begun(tmp_path, other.code)
    assert (made.code, made.name) == (other.code, other.name)
    assert tuple(one.code for one in made.departments) == other.departments
    assert tuple(one.uai_digits for one in made.departments) == other.uai


def test_it_has_the_communes_that_the_files_have(tmp_path: Path) -> None:
    assert begun(tmp_path, "94").communes == {"2A": ("2A001", "2A004"), "2B": ("2B033",)}
    assert begun(tmp_path, "04").communes == {"974": ("97411", "97416")}
    assert begun(tmp_path, "53").communes == dict.fromkeys(BRETAGNE.departments, ())


def test_arrondissements_are_known_by_their_commune(tmp_path: Path) -> None:
    files = tmp_path / "departements.csv", tmp_path / "communes.csv"
    for file, text in zip(files, (PARIS, ARRONDISSEMENTS), strict=True):
        file.write_text(text, encoding="utf-8")
    made = begun(tmp_path, "11", *files)
    assert made.divided == {"75056": ("75101", "75102")}
    assert made.communes == {"75": ("75056", "75101", "75102")}


def test_names_are_written_as_french_is(tmp_path: Path) -> None:
    [first, *_] = begun(tmp_path, "53").departments
    assert first.name == "Côtes-d’Armor"
    assert TERRITORY.departments[-1].name == "Val-d’Oise"


def test_without_a_file_of_regions_the_name_has_to_be_written(tmp_path: Path) -> None:
    text = new_territory("94", code_officiel(tmp_path)[:1])
    assert 'name: "Région 94"  # in full: the files name départements only\n' in text


def test_a_region_that_the_files_do_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SmartRegionError, match="region: has no département"):
        new_territory("99", code_officiel(tmp_path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("code,nom\n53,Bretagne\n")
    with pytest.raises(SmartRegionError, match="has no column REG and LIBELLE"):
        new_territory("53", [file])


def test_the_command_prints_the_file(tmp_path: Path) -> None:
    files = code_officiel(tmp_path)
    options = [option for file in files for option in ("--cog", str(file))]
    done = run_inside_with({}, "territory", "new", "--region", "53", *options)
    assert (done.returncode, done.stdout) == (0, new_territory("53", files))
