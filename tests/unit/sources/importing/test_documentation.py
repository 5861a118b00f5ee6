"""The page on imports says what there is."""

import re
from pathlib import Path

from sources.importing.cli import import_group
from sources.importing.conversions import CONVERSIONS
from sources.importing.mapping import load_mapping, mapping_names

PAGE = (Path(__file__).parents[4] / "docs" / "importing.md").read_text(encoding="utf-8")


def test_its_mapping_is_right(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "example.yaml"
    file.write_text(example)
    assert load_mapping(str(file)).fact == "equipment.delivered"


def test_it_names_every_conversion() -> None:
    (listed,) = re.findall(r"`as` is one of (.*?)\n`values`", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) == set(CONVERSIONS)


def test_it_names_every_option() -> None:
    """Those of every import; what an option was called before comes after its name."""
    options = import_group.commands["csv"].params
    names = {option.opts[0] for option in options if option.opts[0].startswith("--")}
    assert {name for name in names if name not in PAGE} == set()


def test_it_names_the_mappings_of_public_data() -> None:
    named = set(re.findall(r"`((?:lycees|arcep)_\w+)`", PAGE))
    assert named <= set(mapping_names())
    assert len(named) == 6
